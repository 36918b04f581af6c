/** Copies of requests for a second service, of which nobody waits for the answer. */
import { serialiseRequest } from "../core/http1/serialise.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import type { UpstreamConnection, UpstreamUser } from "../upstream/connection.ts";
import type { Deadlined, Deadlines } from "../upstream/deadlines.ts";
import type { ServiceState } from "../upstream/service-state.ts";

/** Copies of one worker that are under way; beyond it none is made, so that a slow mirror costs bounded memory. */
const MIRRORS_MAX = 128;
/** A larger body is not copied, nor is one without Content-Length. */
const BODY_BYTES_MAX = 64 * 1024;

/** What a copy takes over from the original besides its head. */
export interface Copied {
  /** Complete lines. */
  readonly edgeFields: string;
  /** What of it the service hashes; undefined = nothing. */
  readonly hash: number | undefined;
}

/** The copies of one worker. */
export class Mirrors {
  readonly #deadlines: Deadlines;
  #active = 0;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  /**
   * Begins a copy; undefined when there are too many or its body is not one that is copied. `head` is what the endpoint
   * of the original gets. Effect: counts it until it is over.
   */
  begin(
    service: ServiceState,
    head: RequestHead,
    { edgeFields, hash }: Copied,
  ): Mirror | undefined {
    if (this.#active >= MIRRORS_MAX || head.body < 0 || head.body > BODY_BYTES_MAX)
      return undefined;
    this.#active += 1;
    const over = (): void => {
      this.#active -= 1;
    };
    const deadlines = this.#deadlines;
    return new Mirror(shadowHead(head, edgeFields), { service, hash, deadlines, over });
  }
}

interface MirrorPlace {
  readonly service: ServiceState;
  readonly hash: number | undefined;
  readonly deadlines: Deadlines;
  readonly over: () => void;
}

/** One copy: collected while the original is sent, then sent on a connection of its own and forgotten. */
export class Mirror implements UpstreamUser, Deadlined {
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly #head: string;
  readonly #place: MirrorPlace;
  #body: Buffer[] = [];
  #upstream: UpstreamConnection | undefined;
  #over = false;

  constructor(head: string, place: MirrorPlace) {
    this.#head = head;
    this.#place = place;
  }

  /** Copies body bytes. */
  take(bytes: Buffer): void {
    this.#body.push(Buffer.from(bytes));
  }

  /** The request is whole: it is sent now. */
  send(): void {
    const { service, hash, deadlines } = this.#place;
    const endpoint = service.pick([], undefined, hash);
    if (endpoint === undefined) return this.drop();
    deadlines.add(this);
    this.deadlineMs = deadlines.after(service.service.timeouts.responseMs);
    this.#upstream = service.dial({ endpoint, isHttp: true }, this);
    // Nobody waits for a copy.
    if (this.#upstream === undefined) this.drop();
  }

  /** It is over, whatever came of it. */
  drop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#body = [];
    this.#place.deadlines.delete(this);
    this.#upstream?.destroy();
    this.#place.over();
  }

  onDeadline(): void {
    this.drop();
  }

  onUpstreamConnect({ socket }: UpstreamConnection): void {
    socket.write(Buffer.concat([Buffer.from(this.#head, "latin1"), ...this.#body]));
    this.#body = [];
  }

  onUpstreamData(): void {
    // The answer is read, so that the endpoint can finish, and dropped.
  }

  onUpstreamEnd(): void {
    this.drop();
  }

  onUpstreamDrain(): void {
    // It is written at once.
  }

  onUpstreamClose(): void {
    this.#upstream = undefined;
    this.drop();
  }
}

/** As Istio and Envoy have it, the Host of a copy ends in "-shadow", so that logs can tell them apart. */
function shadowHead(head: RequestHead, edgeFields: string): string {
  const authority = head.authority.replace(/(?=:\d*$)|$/, "-shadow");
  const fields = `${edgeFields}Connection: close\r\n`;
  const quiet = { ...head, expectContinue: false };
  return serialiseRequest(quiet, { authority, edgeFields: fields, upgrade: undefined });
}
