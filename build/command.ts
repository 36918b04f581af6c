import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Enough for any listing that the build asks for; a program that prints more is stopped. */
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/** Runs a program and returns its stdout without the final newline; throws with its stderr when it fails. */
export async function run(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const { stdout } = await execute(program, args, {
    maxBuffer: OUTPUT_BYTES_MAX,
    ...(cwd === undefined ? {} : { cwd }),
  });
  return stdout.trimEnd();
}
