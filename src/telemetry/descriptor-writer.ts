/** Synchronous writing to a descriptor that may be a full pipe: what the program says last must still get out. */
import { writeSync } from "node:fs";

/** A reader that sleeps longer than this many bytes of log is not reading. */
const PENDING_BYTES_MAX = 1024 * 1024;
const RETRY_MS = 20;

/** The part of the platform that a DescriptorWriter needs; tests put their own in. */
export interface DescriptorPlatform {
  /** As `fs.writeSync`: may write less than it was given, throws with a `code`. */
  readonly write: (fd: number, bytes: Uint8Array) => number;
  /** Calls back later without keeping the process alive. */
  readonly later: (callback: () => void, ms: number) => void;
}

/**
 * Writes to one descriptor at once, and never throws. A pipe shared with stdout is non-blocking, so it can say EAGAIN:
 * the rest is kept (at most 1 MiB) and tried again shortly and before the next text. What is beyond that, or fails
 * otherwise, is dropped.
 */
export class DescriptorWriter {
  readonly #fd: number;
  readonly #platform: DescriptorPlatform;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #retrying = false;
  #dropped = 0;

  constructor(fd: number, platform: DescriptorPlatform = NODE_PLATFORM) {
    this.#fd = fd;
    this.#platform = platform;
  }

  /** Texts that were lost. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Writes what fits now and keeps the rest in order. */
  write(text: string): void {
    const bytes = Buffer.from(text, "utf8");
    if (this.#pendingBytes + bytes.length > PENDING_BYTES_MAX) {
      this.#dropped += 1;
      return;
    }
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.flush();
  }

  /** Tries to write what is kept, without waiting. */
  flush(): void {
    for (;;) {
      const bytes = this.#pending[0];
      if (bytes === undefined) return;
      const written = this.#writeSome(bytes);
      if (written === undefined) return;
      this.#pendingBytes -= written;
      if (written < bytes.length) this.#pending[0] = bytes.subarray(written);
      else this.#pending.shift();
    }
  }

  /** How many bytes went; undefined when it has to wait. A descriptor that is broken swallows everything. */
  #writeSome(bytes: Uint8Array): number | undefined {
    try {
      return this.#platform.write(this.#fd, bytes);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EAGAIN") {
        this.#retryLater();
        return undefined;
      }
      this.#dropped += 1;
      return bytes.length;
    }
  }

  #retryLater(): void {
    if (this.#retrying) return;
    this.#retrying = true;
    this.#platform.later(() => {
      this.#retrying = false;
      this.flush();
    }, RETRY_MS);
  }
}

const NODE_PLATFORM: DescriptorPlatform = {
  write: (fd, bytes) => writeSync(fd, bytes),
  later: (callback, ms) => {
    setTimeout(callback, ms).unref();
  },
};
