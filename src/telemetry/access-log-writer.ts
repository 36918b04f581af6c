/** Batches access-log lines: a write for each line would cost more than the request. One a worker. */
import type { AccessLogSettings } from "../core/model.ts";
import { FileAppender, type ProblemReport } from "./file-appender.ts";

/** A batch is handed on when it has so many bytes … */
const BATCH_BYTES = 64 * 1024;
/** One that is longer, and they are rare, goes alone. */
const LINE_BYTES_MAX = 8 * 1024;
/** … or is so old. */
const BATCH_MS = 100;
/** What may wait for a slow disk, a worker. */
const QUEUE_BYTES_MAX = 4 * 1024 * 1024;

/** Calls back once after a time, without keeping the thread alive; the result cancels. */
export type StartTimer = (callback: () => void, ms: number) => () => void;

export interface AccessLogWriterOptions {
  readonly destination: AccessLogSettings["destination"];
  /** Where batches for stdout go: the main thread is the only writer of descriptor 1. */
  readonly post: (lines: string) => void;
  /** Told the errno name once when the file begins to fail. */
  readonly onProblem?: ProblemReport;
  readonly startTimer?: StartTimer;
}

/**
 * Takes lines and passes them on in batches: posted for stdout, appended through its own descriptor for a file. Never
 * throws and never waits; what the disk does not take is dropped and counted, traffic is not slowed.
 */
export class AccessLogWriter {
  /** False when the log is off: then formatting a line is a waste. */
  readonly enabled: boolean;
  readonly #pass: (lines: string) => void;
  readonly #file: FileAppender | undefined;
  readonly #startTimer: StartTimer;
  /**
   * What waits. A line is a rope of some fifty strings, and a batch of ropes would be a great tree that the collector
   * copies about and the last moment has to walk: each line is laid flat as soon as it comes.
   */
  readonly #batch = Buffer.allocUnsafeSlow(BATCH_BYTES + LINE_BYTES_MAX);
  #bytes = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(options: AccessLogWriterOptions) {
    const { destination } = options;
    this.enabled = destination.kind !== "off";
    this.#startTimer = options.startTimer ?? startNodeTimer;
    this.#file = destination.kind === "file" ? openFile(destination.path, options) : undefined;
    const file = this.#file;
    this.#pass = file === undefined ? options.post : (lines) => file.write(lines);
  }

  /** Lines lost so far. */
  get dropped(): number {
    return this.#file?.dropped ?? 0;
  }

  /** Takes one line in ASCII with its line feed, as formatHttpRecord and formatTunnelRecord make it. */
  write(line: string): void {
    if (!this.enabled) return;
    if (line.length > LINE_BYTES_MAX) return this.#handOnAlone(line);
    this.#bytes += this.#batch.write(line, this.#bytes, "latin1");
    if (this.#bytes >= BATCH_BYTES) this.#handOn();
    else this.#cancelTimer ??= this.#startTimer(() => this.#handOn(), BATCH_MS);
  }

  /** The file may have been moved away (SIGUSR1): open the path anew. */
  reopen(): void {
    this.#handOn();
    this.#file?.reopen();
  }

  /** Resolves when everything taken so far is posted, or written or dropped. */
  async flush(): Promise<void> {
    this.#handOn();
    await this.#file?.flush();
  }

  /** Flushes and closes the file; later lines are dropped. */
  async close(): Promise<void> {
    this.#handOn();
    await this.#file?.close();
  }

  #handOn(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#bytes === 0) return;
    const lines = this.#batch.toString("latin1", 0, this.#bytes);
    this.#bytes = 0;
    this.#pass(lines);
  }

  #handOnAlone(line: string): void {
    this.#handOn();
    this.#pass(line);
  }
}

function openFile(path: string, options: AccessLogWriterOptions): FileAppender {
  const { onProblem } = options;
  return new FileAppender({
    place: { kind: "path", path },
    queueBytesMax: QUEUE_BYTES_MAX,
    ...(onProblem === undefined ? {} : { onProblem }),
  });
}

function startNodeTimer(callback: () => void, ms: number): () => void {
  const timer = setTimeout(callback, ms);
  timer.unref();
  return () => clearTimeout(timer);
}
