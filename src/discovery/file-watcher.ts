import type { Result } from "../core/result.ts";
import type { PlaceSource } from "../core/service.ts";
import type { Clock } from "./clock.ts";
import { readListFile, readSignature } from "./list-file.ts";
import type { PlaceList } from "./place-list.ts";
import { Refresher } from "./refresher.ts";
import type { Log, SourceStatus } from "./source-status.ts";

/** Reads the text of a file of endpoints. Pure; the error is a sentence with the position. */
export type ParseEndpoints = (bytes: Uint8Array) => Result<readonly PlaceSource[], string>;

/** What a watcher of a file works with. */
export interface FileContext {
  readonly clock: Clock;
  readonly slots: undefined;
  readonly log: Log;
  readonly parse: ParseEndpoints;
  /** The list is another one now. */
  readonly changed: (list: PlaceList) => void;
}

/**
 * How soon a change counts. Looked at, not listened for: notifications (inotify) are not sent on network file systems,
 * and a name that a symbolic link leads to elsewhere changes without one. A look is one call of stat.
 */
const LOOK_MS = 1000;

/** What a look brought; undefined = the file is as it was. */
interface Look {
  readonly read: Result<Buffer, string>;
  readonly signature: string | undefined;
}

/**
 * Keeps what a file of endpoints says. Whatever is wrong with the file, the last good list stays. Owns its refresher;
 * born paused.
 */
export class FileWatcher {
  readonly path: string;
  readonly refresher: Refresher<Look | undefined>;
  readonly #context: FileContext;
  #places: readonly PlaceSource[] = [];
  #last: (Look & { readonly list: Result<readonly PlaceSource[], string> }) | undefined;
  /** The same was read twice: only then a change within the clock tick of the file system cannot have been missed. */
  #isTrusted = false;
  #goodAt: number | undefined;
  #error: string | undefined;

  constructor(path: string, context: FileContext) {
    this.path = path;
    this.#context = context;
    this.refresher = new Refresher(
      {
        begin: () => ({ answer: this.#look(), cancel: () => undefined }),
        take: (look) => {
          if (look !== undefined) this.#take(look);
          return LOOK_MS;
        },
      },
      context,
    );
  }

  status(): SourceStatus {
    return {
      kind: "file",
      host: this.path,
      from: this.#goodAt === undefined ? undefined : "file",
      addresses: this.#places.map(showPlace),
      resolvedAt: this.#goodAt,
      ttlMs: undefined,
      nextAt: this.refresher.nextAt,
      error: this.#error,
    };
  }

  async #look(): Promise<Look | undefined> {
    // The signature comes first: a change between the two calls is seen at the next look.
    const signature = await readSignature(this.path);
    if (this.#isTrusted && signature === this.#last?.signature) return undefined;
    return { read: await readListFile(this.path), signature };
  }

  #take(look: Look): void {
    const before = this.#last;
    this.#isTrusted = before !== undefined && isSame(look.read, before.read);
    const { parse } = this.#context;
    const list =
      this.#isTrusted && before !== undefined
        ? before.list
        : look.read.ok
          ? parse(look.read.value)
          : look.read;
    this.#last = { ...look, list };
    if (list.ok) this.#takeList(list.value);
    // Who writes the file in place, or removes it and puts another one there, is not finished in one moment.
    else if (this.#isTrusted || before === undefined) this.#fail(list.error);
  }

  #takeList(places: readonly PlaceSource[]): void {
    const { log, clock, changed } = this.#context;
    const fields = { path: this.path, endpoints: places.length };
    const isNew = this.#goodAt === undefined || !isSameList(places, this.#places);
    if (this.#error !== undefined) log("info", "file of endpoints is good again", fields);
    else if (isNew) log("info", "file of endpoints read", fields);
    this.#error = undefined;
    this.#places = places;
    this.#goodAt = clock.now();
    if (isNew) changed({ kind: "places", places });
  }

  #fail(error: string): void {
    if (error === this.#error) return;
    this.#error = error;
    const fields = { path: this.path, error, kept: this.#places.length };
    this.#context.log("warning", "file of endpoints is not used", fields);
  }
}

function isSame(a: Result<Buffer, string>, b: Result<Buffer, string>): boolean {
  if (a.ok && b.ok) return a.value.equals(b.value);
  return !a.ok && !b.ok && a.error === b.error;
}

function isSameList(a: readonly PlaceSource[], b: readonly PlaceSource[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function showPlace(place: PlaceSource): string {
  return place.kind === "address" ? place.endpoint.name : `${place.host}:${place.port}`;
}
