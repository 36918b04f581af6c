import type { Arguments } from "./command-spec.ts";
import type { CliIo } from "./cli-io.ts";

const DEFAULT = "/etc/gatehouse/gatehouse.toml";

/** The configuration file that is meant: `-c`, else `GATEHOUSE_CONFIG`, else the default. Pure. */
export function configPath(given: Arguments, { environment }: CliIo): string {
  const named = environment["GATEHOUSE_CONFIG"] ?? "";
  return given.texts["config"] ?? (named === "" ? DEFAULT : named);
}
