/** Reads the configuration file; the only place of this folder that touches the disk. */
import { closeSync, openSync, readSync } from "node:fs";
import { failed, success } from "../core/result.ts";
import type { Result } from "../core/result.ts";
import { hashText } from "./hash.ts";

/** A file as it was read. */
export interface ConfigFile {
  /** Its bytes, not decoded yet: whether they are UTF-8 is for the check to say, with a line. */
  readonly text: Uint8Array;
  /** First 12 hex digits of the SHA-256. */
  readonly hash: string;
}

/** Ten thousand hosts take one or two MiB; more than this was given by mistake. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const STDIN = 0;
const RETRY_MS = 10;

/**
 * Reads a file, or stdin for `-`. Blocks until all is read. The error is a sentence that names the file and says
 * what to do.
 */
export function readConfigFile(path: string): Result<ConfigFile, string> {
  try {
    const text = path === "-" ? readAll(STDIN) : readPath(path);
    if (text === undefined) return failed(`${path} is larger than 16 MiB: is this the right file?`);
    return success({ text, hash: hashText(text) });
  } catch (error) {
    return failed(explain(path, error));
  }
}

function readPath(path: string): Uint8Array | undefined {
  const descriptor = openSync(path, "r");
  try {
    return readAll(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Undefined when there is more than the bound. */
function readAll(descriptor: number): Uint8Array | undefined {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const count = readSome(descriptor, chunk);
    if (count === 0) return Buffer.concat(chunks, size);
    size += count;
    if (size > FILE_BYTES_MAX) return undefined;
    chunks.push(chunk.subarray(0, count));
  }
}

/** Whoever holds the other end of stdin may have made it non-blocking; then "nothing yet" is an error. */
function readSome(descriptor: number, chunk: Uint8Array): number {
  for (;;) {
    try {
      return readSync(descriptor, chunk);
    } catch (error) {
      if (errorCode(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function explain(path: string, error: unknown): string {
  const code = errorCode(error);
  if (code === "ENOENT" || code === "ENOTDIR") {
    return `${path} does not exist: name the file with -c FILE or GATEHOUSE_CONFIG`;
  }
  if (code === "EACCES" || code === "EPERM") {
    return `${path} may not be read: give this user permission to read it (chmod, chown)`;
  }
  if (code === "EISDIR") return `${path} is a directory: name the file in it`;
  return `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
