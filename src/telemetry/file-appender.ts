/** Appending lines to a file without waiting for it: what the disk does not take in time is dropped and counted. */
import { close, constants, openSync, write } from "node:fs";

/** Where a FileAppender writes: a path that it opens and may open anew, or a descriptor that is not its own. */
export type AppendPlace =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "descriptor"; readonly fd: number };

/** Told once when writing begins to fail, and again only after it has worked in between. */
export type ProblemReport = (code: string) => void;

/** The file calls that a FileAppender makes; tests put their own in. */
export interface FilePlatform {
  readonly open: (path: string) => number;
  readonly write: (
    fd: number,
    bytes: Uint8Array,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ) => void;
  readonly close: (fd: number) => void;
}

export interface FileAppenderOptions {
  readonly place: AppendPlace;
  /** Beyond so many queued bytes a chunk is dropped. */
  readonly queueBytesMax: number;
  readonly onProblem?: ProblemReport;
  readonly platform?: FilePlatform;
}

const LINE_FEED = 10;

/**
 * Appends chunks in order, one write in flight. Never throws: a chunk that cannot be written (disk full, no permission,
 * queue full) is dropped and its lines are counted. A file that cannot be opened is tried again with every chunk.
 */
export class FileAppender {
  readonly #options: FileAppenderOptions;
  readonly #platform: FilePlatform;
  readonly #queue: string[] = [];
  #queuedBytes = 0;
  #fd: number | undefined;
  #writing = false;
  #reopening = false;
  #closed = false;
  /** The last write stopped inside a line. */
  #torn = false;
  #failing = false;
  #dropped = 0;
  #waiters: (() => void)[] = [];

  constructor(options: FileAppenderOptions) {
    this.#options = options;
    this.#platform = options.platform ?? NODE_PLATFORM;
    this.#open();
  }

  /** Lines lost so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Queues whole lines in ASCII; drops them beyond the bound and after close(). What is queued together is written
   * together, so that appenders of several threads cannot tear each other's lines.
   */
  write(chunk: string): void {
    if (this.#closed || this.#queuedBytes + chunk.length > this.#options.queueBytesMax) {
      this.#dropped += countLines(chunk);
      return;
    }
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    this.#pump();
  }

  /** Opens the path anew before the next write: the file may have been moved away. Nothing queued is lost. */
  reopen(): void {
    this.#reopening = true;
    this.#pump();
  }

  /** Resolves when everything that is queued now has been written or dropped. */
  flush(): Promise<void> {
    if (!this.#writing && this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Writes what is queued, then closes the file; later chunks are dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    this.#release();
  }

  #pump(): void {
    if (this.#writing) return;
    if (this.#reopening) {
      this.#reopening = false;
      this.#release();
    }
    const chunk = this.#queue.shift();
    const needed = chunk !== undefined || !this.#closed;
    if (this.#fd === undefined && needed) this.#open();
    if (chunk === undefined) return this.#wake();
    this.#writing = true;
    const text = this.#torn ? `\n${chunk}` : chunk;
    this.#writeAll(Buffer.from(text, "latin1"), (written) => {
      this.#writing = false;
      this.#queuedBytes -= chunk.length;
      if (!written) this.#dropped += countLines(chunk);
      this.#pump();
    });
  }

  /** Writes all of it; a file that takes a part is asked again. */
  #writeAll(bytes: Uint8Array, done: (written: boolean) => void): void {
    if (this.#fd === undefined) {
      queueMicrotask(() => done(false));
      return;
    }
    this.#platform.write(this.#fd, bytes, (error, written) => {
      if (error !== null || written === 0) {
        this.#problem(error);
        done(false);
        return;
      }
      this.#torn = bytes[written - 1] !== LINE_FEED;
      if (written < bytes.length) return this.#writeAll(bytes.subarray(written), done);
      this.#failing = false;
      done(true);
    });
  }

  #open(): void {
    const { place } = this.#options;
    if (place.kind === "descriptor") {
      this.#fd = place.fd;
      return;
    }
    try {
      this.#fd = this.#platform.open(place.path);
      this.#torn = false;
    } catch (error) {
      this.#problem(error);
    }
  }

  #release(): void {
    if (this.#fd !== undefined && this.#options.place.kind === "path") {
      this.#platform.close(this.#fd);
      this.#fd = undefined;
    }
  }

  #problem(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    const code = error instanceof Error && "code" in error ? String(error.code) : "EIO";
    this.#options.onProblem?.(code);
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

/** How many line feeds a text has. Pure. */
export function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/** O_NONBLOCK: opening a FIFO that nobody reads fails at once instead of hanging. */
const OPEN_FLAGS =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
/** Log files name clients: not for everybody. */
const FILE_MODE = 0o640;

const NODE_PLATFORM: FilePlatform = {
  open: (path) => openSync(path, OPEN_FLAGS, FILE_MODE),
  write: (fd, bytes, done) => write(fd, bytes, done),
  close: (fd) => close(fd, () => {}),
};
