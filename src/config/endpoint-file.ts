/** A file of endpoints: JSON with a list as `endpoints` of a service has it. */
import * as v from "valibot";
import { failed, success } from "../core/result.ts";
import type { Result } from "../core/result.ts";
import type { PlaceSource } from "../core/service.ts";
import { showPeer } from "./address.ts";
import type { Peer } from "./address.ts";
import { compilePlaces } from "./compile-sources.ts";
import { toProblem } from "./parse.ts";
import { type EndpointConfig, LISTED_MAX, endpointListSchema } from "./schema-service.ts";

/** Each of them is looked up by itself; so many has a list of the configuration at most. */
const NAMES_MAX = 1000;

/**
 * Reads the text of a file of endpoints. Pure; never throws. The error is one line: where the first mistake is, as
 * `line 3, column 5` where it is no JSON and `[2].weight` where it is, what is wrong, and how many more there are.
 */
export function parseEndpointFile(bytes: Uint8Array): Result<readonly PlaceSource[], string> {
  const parsed = parseEntries(bytes);
  return parsed.ok ? success(compilePlaces(parsed.value)) : parsed;
}

/** As `parseEndpointFile`; only where they are, in the file's order. */
export function parseEndpointPeers(bytes: Uint8Array): Result<readonly Peer[], string> {
  const parsed = parseEntries(bytes);
  return parsed.ok ? success(parsed.value.map(({ address }) => address)) : parsed;
}

function parseEntries(bytes: Uint8Array): Result<readonly EndpointConfig[], string> {
  const json = parseJson(bytes);
  if (!json.ok) return json;
  // Before millions of wrong items are each looked at.
  if (Array.isArray(json.value) && json.value.length > LISTED_MAX)
    return failed(`at most ${LISTED_MAX} endpoints, found ${json.value.length}`);
  const result = v.safeParse(endpointListSchema, json.value);
  if (!result.success) return failed(describe(result.issues));
  const names = result.output.filter(({ address }) => address.kind === "name").length;
  if (names > NAMES_MAX) return failed(`at most ${NAMES_MAX} names are looked up, found ${names}`);
  const twice = findTwice(result.output.map(({ address }) => showPeer(address)));
  return twice === undefined ? success(result.output) : failed(twice);
}

function parseJson(bytes: Uint8Array): Result<unknown, string> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return failed("is not UTF-8");
  }
  try {
    return success(JSON.parse(text) as unknown);
  } catch {
    return failed(`is not JSON: ${placeOfMistake(text)}`);
  }
}

/**
 * V8 names the position of some mistakes only, and with it a piece of the text, which is nobody's business when the path
 * was wrong. So the shortest beginning that nothing could make right is searched for: a score of parses.
 */
function placeOfMistake(text: string): string {
  if (text.trim() === "") return "it is empty";
  if (mayGoOn(text)) return "it ends too early";
  let [good, bad] = [0, text.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (mayGoOn(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  const before = text.slice(0, good).split("\n");
  return `a mistake at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

/** Whether this is JSON, or would be if more followed. */
function mayGoOn(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const said = error instanceof Error ? error.message : "";
    const position = /at position (\d+)/.exec(said)?.[1];
    return /^Unexpected end|^Unterminated/.test(said) || Number(position) === text.length;
  }
}

function describe(issues: readonly v.BaseIssue<unknown>[]): string {
  const [first] = issues.map(toProblem);
  if (first === undefined) return "is not a list of endpoints";
  const more = issues.length > 1 ? `, and ${issues.length - 1} more` : "";
  const [index, ...keys] = first.path;
  const at = index === undefined ? "" : `${[`[${index}]`, ...keys].join(".")}: `;
  return `${at}${first.message}${more}`;
}

function findTwice(shown: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (const [i, each] of shown.entries()) {
    if (seen.has(each)) return `[${i}]: ${each} is in this file twice`;
    seen.add(each);
  }
  return undefined;
}
