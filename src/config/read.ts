/** Reads the configuration file; the only place of this folder that touches the disk. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { failed, success } from "../core/result.ts";
import type { Result } from "../core/result.ts";
import { ENDPOINT_FILE_BYTES_MAX } from "../core/service.ts";
import { hashText } from "./crypto.ts";

/** A file as it was read. */
export interface ConfigFile {
  /** Its bytes, not decoded yet: whether they are UTF-8 is for the check to say, with a line. */
  readonly text: Uint8Array;
  /** First 12 hex digits of the SHA-256. */
  readonly hash: string;
}

const MIB = 1024 * 1024;
/** Ten thousand hosts take one or two MiB; more than this was given by mistake. */
const FILE_BYTES_MAX = 16 * MIB;
const CHUNK_BYTES = 64 * 1024;
/** Every authority of the world takes a quarter of it. */
const PEM_BYTES_MAX = MIB;
/** Others may read it. */
const WORLD_READABLE = 0o004;
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

/** A file with certificates or a key. */
export interface PemFile {
  readonly text: string;
  /** Every user of the box may read it. */
  readonly isWorldReadable: boolean;
}

/** Reads a file that the configuration names. The error is a sentence about the file, without its path. */
export function readPemFile(path: string): Result<PemFile, string> {
  const read = readNamed(path, PEM_BYTES_MAX);
  if (!read.ok) return read;
  const { bytes, mode } = read.value;
  const text = new TextDecoder("latin1").decode(bytes);
  return success({ text, isWorldReadable: (mode & WORLD_READABLE) !== 0 });
}

/** Reads a file of endpoints as it is now. The error is a sentence about the file, without its path. */
export function readEndpointFile(path: string): Result<Uint8Array, string> {
  const read = readNamed(path, ENDPOINT_FILE_BYTES_MAX);
  return read.ok ? success(read.value.bytes) : read;
}

/** A regular file of so many bytes at most. */
function readNamed(
  path: string,
  bytesMax: number,
): Result<{ readonly bytes: Uint8Array; readonly mode: number }, string> {
  try {
    // Opening a pipe would wait for whoever writes into it.
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) return failed("is not a file");
      if (stats.size > bytesMax)
        return failed(`is larger than ${bytesMax / MIB} MiB: is this the right file?`);
      return success({ bytes: readAll(descriptor) ?? new Uint8Array(), mode: stats.mode });
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return failed("does not exist");
    if (code === "EACCES" || code === "EPERM") return failed("may not be read by this user");
    return failed(`cannot be read: ${code}`);
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
