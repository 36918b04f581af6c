import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { failed, success } from "../core/result.ts";
import type { Result } from "../core/result.ts";
import { ENDPOINT_FILE_BYTES_MAX } from "../core/service.ts";

const TOO_LARGE = `is larger than ${ENDPOINT_FILE_BYTES_MAX / 1024 / 1024} MiB`;

/** Device, inode, size and times of what the path leads to; undefined when there is nothing. Never rejects. */
export async function readSignature(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch {
    return undefined;
  }
}

/** Reads a regular file of at most {@link ENDPOINT_FILE_BYTES_MAX}. Never rejects; the error says what is wrong with it. */
export async function readListFile(path: string): Promise<Result<Buffer, string>> {
  try {
    // Without O_NONBLOCK a named pipe would be waited for.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return await readBounded(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    return failed(explain(error));
  }
}

async function readBounded(file: FileHandle): Promise<Result<Buffer, string>> {
  const found = await file.stat();
  if (found.isDirectory()) return failed("is a directory");
  if (!found.isFile()) return failed("is not a file");
  if (found.size > ENDPOINT_FILE_BYTES_MAX) return failed(TOO_LARGE);
  // One byte more than is expected, so that the end is seen; a file that grows meanwhile gets what is allowed.
  let buffer = Buffer.allocUnsafe(found.size + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) return success(buffer.subarray(0, length));
    length += bytesRead;
    if (length > ENDPOINT_FILE_BYTES_MAX) return failed(TOO_LARGE);
    if (length === buffer.length) {
      buffer = Buffer.concat([buffer], Math.min(2 * length, ENDPOINT_FILE_BYTES_MAX + 1));
    }
  }
}

function explain(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
  if (code === "EACCES" || code === "EPERM") return "may not be read by this user";
  if (code === "ELOOP") return "is a circle of symbolic links";
  if (code === "ENXIO") return "is not a file";
  return error instanceof Error ? error.message : String(error);
}
