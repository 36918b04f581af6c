/** `gatehouse schema`. */
import { buildJsonSchema } from "../config/json-schema.ts";
import type { Arguments } from "./command-spec.ts";
import { type CliIo, EXIT_FINE } from "./cli-io.ts";

/** Prints the JSON Schema of the configuration. */
export function schemaCommand(_given: Arguments, io: CliIo): Promise<number> {
  io.stdout(`${JSON.stringify(buildJsonSchema(), undefined, 2)}\n`);
  return Promise.resolve(EXIT_FINE);
}
