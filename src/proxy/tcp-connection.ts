/** One connection of a tcp gateway: joined to an endpoint at once, since whoever is there may be the one to speak first. */
import { FAILURES, type Failure } from "../core/failure.ts";
import type { Accepted } from "./accepted.ts";
import type { ListenerView, ProxyContext } from "./context.ts";
import { routeTcp } from "./route-tcp.ts";
import type { StreamFacts } from "./routed-stream.ts";
import { StreamConnection } from "./stream-connection.ts";

const FACTS: StreamFacts = {
  kind: "tcp",
  sni: undefined,
  alpn: undefined,
  ech: undefined,
  ja4: undefined,
};
const NO_ANSWER = new Uint8Array(0);

/** Nothing of it is read before it is routed, and nothing of our own is ever written to it. */
export class TcpConnection extends StreamConnection {
  /** See StreamConnection. Effect: begins to connect to an endpoint. */
  constructor(accepted: Accepted, view: ListenerView, context: ProxyContext) {
    super(accepted, view, context);
    this.follow(routeTcp(context, view.listener, accepted.client.address));
  }

  protected override get facts(): StreamFacts {
    return FACTS;
  }

  protected override read(): void {
    // It is routed before it is read.
  }

  protected override closedEarly(): Failure {
    return { kind: "client-closed", detail: "" };
  }

  /** What they mean nobody here knows. */
  protected override mayRepeat(bytes: Buffer): boolean {
    return bytes.length === 0;
  }

  protected override answerTo(): Uint8Array {
    return NO_ANSWER;
  }

  /** Where an endpoint failed, a FIN would look like an answer that is empty. */
  protected override closeUnanswered(failure: Failure): void {
    if (FAILURES[failure.kind].side === "upstream") this.accepted.socket.reset();
    else this.accepted.socket.destroy();
  }
}
