/** Where the running box is asked. */
import { readRuntimeFile } from "../control/runtime-file.ts";
import { failed, type Result, success } from "../core/result.ts";
import type { Arguments } from "./command-spec.ts";
import type { CliIo } from "./cli-io.ts";

/** An address of the admin API. */
export interface AdminPlace {
  readonly address:
    | { readonly host: string; readonly port: number }
    | { readonly socketPath: string };
  /** As it was given. */
  readonly text: string;
  /** Where the address came from: a phrase for a sentence. */
  readonly source: string;
}

const DEFAULT = "127.0.0.1:9901";
const PORT_MAX = 65_535;

/**
 * `--admin`, else `GATEHOUSE_ADMIN`, else what the running box wrote into its runtime directory, else the default.
 * Reads that directory. The error is a sentence: the address is malformed.
 */
export function findAdminPlace(given: Arguments, io: CliIo): Result<AdminPlace, string> {
  const option = given.texts["admin"];
  if (option !== undefined) return parseAdminPlace(option, "from --admin");
  const variable = io.environment["GATEHOUSE_ADMIN"] ?? "";
  if (variable !== "") return parseAdminPlace(variable, "from GATEHOUSE_ADMIN");
  const found = readRuntimeFile({ environment: io.environment, uid: process.getuid?.() });
  return found === undefined
    ? parseAdminPlace(DEFAULT, "the default")
    : parseAdminPlace(found.info.admin, `from ${found.path}`);
}

/** Reads `HOST:PORT`, `[V6]:PORT`, `:PORT` (this box) or `unix:/path`. Pure. */
export function parseAdminPlace(text: string, source: string): Result<AdminPlace, string> {
  if (text.startsWith("unix:/")) {
    return success({ address: { socketPath: text.slice("unix:".length) }, text, source });
  }
  const [, v6, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port < 1 || port > PORT_MAX) {
    return failed(`'${text}' (${source}) is no address: HOST:PORT or unix:/path is expected`);
  }
  const host = v6 ?? (name === undefined || name === "" ? "127.0.0.1" : name);
  return success({ address: { host: reachable(host), port }, text, source });
}

/** A box that listens on every address is reached on loopback. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}
