/** One data-plane thread as the main thread sees it. */
import { Worker } from "node:worker_threads";
import type { Answer, FromWorker, Question, ToWorker, WorkerStart } from "../core/messages.ts";

/** What a worker may tell at any time. */
export interface WorkerEvents {
  message(handle: WorkerHandle, message: FromWorker): void;
  /** The thread is gone; `error` undefined = it was told to end. */
  exit(handle: WorkerHandle, error: Error | undefined): void;
}

/** What a worker has to do takes milliseconds: one that does not answer for so long is stuck, and is ended. */
const ANSWER_MS = 10_000;

/** Owns the thread. Replies are awaited by type; whoever waits is released when the thread dies. */
export class WorkerHandle {
  readonly index: number;
  /** The counters; replaced by a larger memory with a `commit`. */
  memory: SharedArrayBuffer = new SharedArrayBuffer(0);
  /** The memory that a `prepare` has brought; it counts after the `commit`. */
  nextMemory = this.memory;
  alive = true;
  /** Lines of the access log that it has lost. */
  dropped = 0;
  readonly startedMs: number;
  readonly #worker: Worker;
  readonly #questions = new Map<number, (answer: Answer | undefined) => void>();
  readonly #waiting = new Map<FromWorker["type"], (message: FromWorker | undefined) => void>();
  #asked = 0;
  #lastLoop: { idle: number; active: number; utilization: number };

  /** Effect: starts the thread from the bundle's source. */
  constructor(source: string, start: WorkerStart, events: WorkerEvents) {
    this.index = start.index;
    this.startedMs = Date.now();
    this.#worker = new Worker(source, {
      eval: true,
      workerData: start,
      name: `gatehouse-${start.index}`,
    });
    this.#lastLoop = this.#worker.performance.eventLoopUtilization();
    let cause: Error | undefined;
    this.#worker.on("error", (error: Error) => {
      cause = error;
    });
    this.#worker.on("message", (message: FromWorker) => {
      if ("id" in message) return this.#questions.get(message.id)?.(message);
      this.#waiting.get(message.type)?.(message);
      events.message(this, message);
    });
    this.#worker.on("exit", () => {
      this.alive = false;
      for (const release of this.#waiting.values()) release(undefined);
      for (const release of this.#questions.values()) release(undefined);
      events.exit(this, cause);
    });
  }

  /** The kernel's thread is not named by Node: this is Node's own number of it, for the log. */
  get threadId(): number {
    return this.#worker.threadId;
  }

  /** Sends without waiting; nothing happens when the thread is gone. */
  send(message: ToWorker): void {
    if (this.alive) this.#worker.postMessage(message);
  }

  /**
   * Sends, and resolves to the next message of that type; undefined when the thread dies first, which it is made to when it
   * does not answer within `limitMs`.
   */
  async ask<T extends FromWorker["type"]>(
    message: ToWorker,
    reply: T,
    limitMs = ANSWER_MS,
  ): Promise<Extract<FromWorker, { type: T }> | undefined> {
    if (!this.alive) return undefined;
    const answer = new Promise<FromWorker | undefined>((resolve) =>
      this.#waiting.set(reply, resolve),
    );
    const timer = setTimeout(() => void this.terminate(), limitMs);
    this.#worker.postMessage(message);
    const found = await answer;
    clearTimeout(timer);
    this.#waiting.delete(reply);
    return found as Extract<FromWorker, { type: T }> | undefined;
  }

  /** Its answer; undefined when it is gone, or has not answered within `limitMs`: then it is left alone. */
  async inquire<T extends Question["type"]>(
    question: Omit<Extract<Question, { type: T }>, "id">,
    limitMs: number,
  ): Promise<Extract<Answer, { type: T }> | undefined> {
    if (!this.alive) return undefined;
    this.#asked += 1;
    const id = this.#asked;
    const answer = new Promise<Answer | undefined>((resolve) => this.#questions.set(id, resolve));
    const timer = setTimeout(() => this.#questions.get(id)?.(undefined), limitMs);
    this.#worker.postMessage({ ...question, id });
    const found = await answer;
    clearTimeout(timer);
    this.#questions.delete(id);
    return found as Extract<Answer, { type: T }> | undefined;
  }

  /** Share of the time since the last call that its event loop was busy, 0 to 1. */
  utilization(): number {
    const now = this.#worker.performance.eventLoopUtilization();
    const { utilization } = this.#worker.performance.eventLoopUtilization(now, this.#lastLoop);
    this.#lastLoop = now;
    return utilization;
  }

  /** Ends the thread at once. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}
