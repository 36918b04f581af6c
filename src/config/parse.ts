/** TOML text to `Config`, with everything that is wrong with its keys and values. */
import * as v from "valibot";
import { TomlDocument, isTable } from "./document.ts";
import type { Finding } from "./finding.ts";
import { nearest } from "./nearest.ts";
import { Report } from "./report.ts";
import { configSchema } from "./schema.ts";
import type { Config } from "./schema.ts";
import { showFound } from "./schema-build.ts";
import type { KeyRules } from "./schema-build.ts";
import { damagedPaths } from "./salvage.ts";
import type { Problem } from "./salvage.ts";
import { parseToml } from "./toml.ts";

/** A file as far as it could be read. */
export interface ParsedConfig {
  /**
   * Without the parts that are wrong, so that the rest can be checked too; undefined when too little is left.
   * To be used only when there is no error.
   */
  readonly config: Config | undefined;
  readonly document: TomlDocument;
  readonly findings: readonly Finding[];
  /** Names that the file gives, also in parts that are wrong. */
  readonly declared: DeclaredNames;
}

/** Names that may be referred to without that being a mistake. */
export interface DeclaredNames {
  readonly gateways: ReadonlySet<string>;
  readonly services: ReadonlySet<string>;
}

/**
 * Reads and validates a file. Pure. Findings: the first syntax error, or every unknown key, key that this
 * version does not honour, missing key and wrong value.
 */
export function parseConfig(text: string | Uint8Array, file: string): ParsedConfig {
  const toml = parseToml(text);
  if (!toml.ok) {
    const { at, message } = toml.error;
    const finding: Finding = { file, ...at, severity: "error", path: "", message };
    const document = new TomlDocument();
    return { config: undefined, document, findings: [finding], declared: declaredNames(document) };
  }
  const document = toml.value;
  const declared = declaredNames(document);
  const result = v.safeParse(configSchema, document.root);
  if (result.success) return { config: result.output, document, findings: [], declared };
  const problems = result.issues.map(toProblem);
  const report = new Report(document, file);
  for (const { path, message } of problems) report.error(path, message);
  const config = salvage(document, problems);
  return { config, document, findings: report.findings, declared };
}

/** Taking out an unsupported condition may leave its table empty, which is wrong in turn: then the whole goes. */
const SALVAGE_ROUNDS = 3;

/** Takes out what is wrong until the rest is valid; changes the document. */
function salvage(document: TomlDocument, problems: readonly Problem[]): Config | undefined {
  let left = problems;
  for (let round = 0; round < SALVAGE_ROUNDS; round += 1) {
    for (const path of damagedPaths(left)) document.remove(path);
    const { gateway } = document.root;
    // An empty list would be a new mistake; that gateways were written is still known by their place.
    if (Array.isArray(gateway) && gateway.length === 0) document.remove(["gateway"]);
    const result = v.safeParse(configSchema, document.root);
    if (result.success) return result.output;
    left = result.issues.map(toProblem);
  }
  return undefined;
}

function declaredNames(document: TomlDocument): DeclaredNames {
  const { gateway, service } = document.root;
  const gateways = new Set<string>();
  for (const item of Array.isArray(gateway) ? gateway : []) {
    const name = isTable(item) ? item["name"] : undefined;
    if (typeof name === "string") gateways.add(name);
  }
  return { gateways, services: new Set(isTable(service) ? Object.keys(service) : []) };
}

/** What valibot found, in the words of this folder. Pure. */
export function toProblem(issue: v.BaseIssue<unknown>): Problem {
  const path = (issue.path ?? []).map(({ key }) => key as string | number);
  const rules = issue.requirement;
  if (isKeyRules(rules)) {
    return { path, message: explainKey(String(path.at(-1)), rules), isExtraKey: true };
  }
  // A wrong type comes without what was found; checks of a value have said it themselves.
  const isType = issue.kind === "schema" && issue.type !== "picklist" && issue.input !== undefined;
  const found =
    isType && issue.message.startsWith("expected") ? `, found ${showFound(issue.input)}` : "";
  return { path, message: issue.message + found, isExtraKey: false };
}

function explainKey(key: string, { known, unsupported }: KeyRules): string {
  if (unsupported.includes(key)) return "not supported by this version";
  const near = nearest(key, known) ?? nearest(key, unsupported);
  if (near !== undefined) return `unknown key; did you mean "${near}"?`;
  return `unknown key; expected one of ${known.join(", ")}`;
}

function isKeyRules(value: unknown): value is KeyRules {
  return typeof value === "object" && value !== null && "known" in value && "unsupported" in value;
}
