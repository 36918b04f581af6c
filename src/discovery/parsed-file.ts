import { readFileSync, statSync } from "node:fs";

// A hosts file with a block list of a million names has some 30 MiB; the main thread reads it in one go.
const FILE_BYTES_MAX = 64 * 1024 * 1024;

/**
 * A small text file kept parsed and read again when it changed. Owns its value for the life of the process.
 * A file that is missing or unreadable is the empty text: resolv.conf and hosts may both be absent.
 */
export class ParsedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #signature: string;
  #value: T;

  /** Reads the file. Never throws. */
  constructor(path: string, parse: (text: string) => T) {
    this.#path = path;
    this.#parse = parse;
    this.#signature = signatureOf(path);
    this.#value = parse(textOf(path));
  }

  /** What the file said when it was read last. */
  get value(): T {
    return this.#value;
  }

  /** Reads the file again if inode, size or times changed, and says whether they did. Never throws. */
  refresh(): boolean {
    // The signature comes first: a change between the two calls is seen at the next refresh, never missed.
    const signature = signatureOf(this.#path);
    if (signature === this.#signature) return false;
    this.#signature = signature;
    this.#value = this.#parse(textOf(this.#path));
    return true;
  }
}

function signatureOf(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(" ");
  } catch {
    return "";
  }
}

function textOf(path: string): string {
  try {
    if (statSync(path).size > FILE_BYTES_MAX) return "";
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
