/** The one writer of descriptor 1. Main thread only. */
import { fstatSync } from "node:fs";
import { countLines, FileAppender, type ProblemReport } from "./file-appender.ts";

/** What may wait for a slow reader: some seconds of a busy log. */
const QUEUE_BYTES_MAX = 8 * 1024 * 1024;
/** A reader that has stopped must not hold up the end of the process. */
const FLUSH_LIMIT_MS = 1000;
const STDOUT = 1;

/** Takes whole lines for stdout; never throws, never blocks the event loop on a pipe, never ends the process. */
export interface LineOutput {
  /** Queues whole lines; drops them beyond 8 MiB or when stdout is broken. */
  write(lines: string): void;
  /** Lines lost so far. */
  readonly dropped: number;
  /** Resolves when everything queued is written, or after one second. */
  flush(): Promise<void>;
}

/** The part of a stream that a StreamOutput needs. */
export interface OutputStream {
  readonly writableLength: number;
  write(text: string, encoding: "latin1", done?: () => void): boolean;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/**
 * The output for what descriptor 1 is. A regular file is appended to by the thread pool. A pipe or a socket (systemd's
 * journal) goes through `process.stdout`, which Node makes non-blocking: a thread of the pool that hangs in a full pipe
 * would keep the process from ending. A terminal is written to synchronously; whoever presses Ctrl-S means it.
 */
export function createStdout(onProblem?: ProblemReport): LineOutput {
  if (!isRegularFile(STDOUT)) return new StreamOutput(process.stdout, onProblem);
  return new FileAppender({
    place: { kind: "descriptor", fd: STDOUT },
    queueBytesMax: QUEUE_BYTES_MAX,
    ...(onProblem === undefined ? {} : { onProblem }),
  });
}

/** Writes to a stream with a bounded queue. After an error (EPIPE: the reader is gone) everything is dropped. */
export class StreamOutput implements LineOutput {
  readonly #stream: OutputStream;
  #broken = false;
  #dropped = 0;

  constructor(stream: OutputStream, onProblem?: ProblemReport) {
    this.#stream = stream;
    stream.on("error", (error) => {
      if (this.#broken) return;
      this.#broken = true;
      onProblem?.("code" in error ? String(error.code) : error.message);
    });
  }

  get dropped(): number {
    return this.#dropped;
  }

  write(lines: string): void {
    if (this.#broken || this.#stream.writableLength + lines.length > QUEUE_BYTES_MAX) {
      this.#dropped += countLines(lines);
      return;
    }
    this.#stream.write(lines, "latin1");
  }

  flush(): Promise<void> {
    if (this.#broken || this.#stream.writableLength === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const limit = setTimeout(resolve, FLUSH_LIMIT_MS);
      this.#stream.write("", "latin1", () => {
        clearTimeout(limit);
        resolve();
      });
    });
  }
}

function isRegularFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}
