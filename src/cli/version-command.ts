/** `gatehouse version`. */
import type { Arguments } from "./command-spec.ts";
import { BUILD_INFO } from "./build-info.ts";
import { type CliIo, EXIT_FINE } from "./cli-io.ts";

/** Prints what was built, from what, and what it runs on. */
export function versionCommand(given: Arguments, io: CliIo): Promise<number> {
  const { version, commit, runtime } = BUILD_INFO;
  const text = given.flags.has("json")
    ? JSON.stringify(BUILD_INFO)
    : `gatehouse ${version} (commit ${commit}, ${runtime})`;
  io.stdout(`${text}\n`);
  return Promise.resolve(EXIT_FINE);
}
