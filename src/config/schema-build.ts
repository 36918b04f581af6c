/**
 * The building blocks of the schema: each value carries what was expected in the user's words, and each table
 * knows the keys that this version does not honour yet.
 */
import * as v from "valibot";
import type { Result } from "../core/result.ts";
import { isTable } from "./document.ts";
import { nearest } from "./nearest.ts";

/** What a table makes of a key that it has no entry for. */
export interface KeyRules {
  readonly known: readonly string[];
  /** Keys of the contract that this version does not honour. */
  readonly unsupported: readonly string[];
}

type Schema = v.GenericSchema;

/** A message stays one readable line. */
const KEYS_SHOWN = 6;

/** valibot leaves these out of every object, so that they reach no prototype. */
const RESERVED_KEYS = ["__proto__", "constructor", "prototype"];

/**
 * A table with these keys and no others; every other key is an issue of its own, and one of `unsupported` says
 * that it is known.
 */
export function table<const T extends v.ObjectEntries>(
  entries: T,
  unsupported: readonly string[] = [],
) {
  const known = Object.keys(entries);
  const rest = { ...v.never(), requirement: { known, unsupported } satisfies KeyRules };
  const schema = v.objectWithRest(entries, rest, (issue) => missing(entries, issue.expected));
  const more = known.length > KEYS_SHOWN ? " …" : "";
  const expected = `expected a table with ${known.slice(0, KEYS_SHOWN).join(", ")}${more}`;
  const checked = { ...schema, "~run": runOnTable(schema, rest, expected) };
  // Only to the type checker: what `rest` takes is never anything, so the table has these entries alone.
  return checked as unknown as v.ObjectSchema<T, undefined>;
}

/** A table whose keys are names that the user chooses. */
export function record<T extends Schema>(name: v.GenericSchema<string>, value: T) {
  const schema = v.record(name, value);
  const rest = v.never('"__proto__", "constructor" and "prototype" cannot be names');
  return { ...schema, "~run": runOnTable(schema, rest, "expected a table") };
}

/** Says what a key means, for the JSON Schema and so for editors. */
export function key<const T extends Schema>(description: string, schema: T) {
  return v.pipe(schema, v.description(description));
}

/** Text that `parse` reads; its error becomes the message. `pattern` is for editors only. */
export function text<T>(
  expected: string,
  parse: (text: string) => Result<T, string>,
  pattern?: string,
) {
  return v.pipe(
    v.string(expected),
    v.metadata(pattern === undefined ? {} : { pattern }),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const parsed = parse(dataset.value);
      if (parsed.ok) return parsed.value;
      addIssue({ message: `${parsed.error}, found ${showFound(dataset.value)}` });
      return NEVER;
    }),
  );
}

/** One of the words of the contract; those that this version does not honour are told from unknown ones. */
export function words<const T extends readonly string[]>(
  supported: T,
  unsupported: readonly string[] = [],
) {
  const expected = oneOf(supported);
  return v.picklist(supported, ({ input }) => {
    if (typeof input === "string" && unsupported.includes(input)) {
      return `"${input}" is not supported by this version, ${expected}`;
    }
    const near = typeof input === "string" ? nearest(input, supported) : undefined;
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    return `${expected}, found ${showFound(input)}${hint}`;
  });
}

/** A whole number within bounds. */
export function integer(min: number, max: number) {
  return integerElse(`expected a whole number from ${min} to ${max}`, [min, max]);
}

/** A whole number within bounds, or `"off"`: then undefined. */
export function integerOrOff(min: number, max: number) {
  const expected = `expected a whole number from ${min} to ${max}, or "off"`;
  const off = v.pipe(
    v.picklist(["off"], ({ input }) => `${expected}, found ${showFound(input)}`),
    v.transform(() => undefined),
  );
  return byType(off, integerElse(expected, [min, max]), {
    expected,
    isShort: (value) => typeof value === "string",
    isLong: (value) => typeof value === "number",
  });
}

/** `true` or `false`. */
export const flag = v.boolean("expected true or false");

function integerElse(expected: string, [min, max]: readonly [number, number]) {
  return v.pipe(
    v.number(expected),
    v.integer(({ input }) => `${expected}, found ${showFound(input)}`),
    v.minValue(min, ({ input }) => `${expected}, found ${showFound(input)}`),
    v.maxValue(max, ({ input }) => `${expected}, found ${showFound(input)}`),
  );
}

/** A list with at least one item and at most `max`; `example` is what one looks like in the file. */
export function list<T extends Schema>(item: T, max: number, example: string) {
  const expected = `expected a list such as ${example}`;
  return v.pipe(listOrNone(item, max, example), v.minLength(1, `${expected}, found an empty one`));
}

/** A list with at most `max` items, where an empty one says that there are none. */
export function listOrNone<T extends Schema>(item: T, max: number, example: string) {
  return v.pipe(
    v.array(item, `expected a list such as ${example}`),
    v.maxLength(max, ({ input }) => `at most ${max} items, found ${input.length}`),
  );
}

/** Tables that the file writes as `[[name]]`, or as a list of inline tables. */
export function tables<T extends Schema>(item: T, max: number, header: string) {
  return v.pipe(
    v.array(item, `expected tables that begin with ${header}`),
    v.maxLength(max, ({ input }) => `at most ${max}, found ${input.length}`),
  );
}

/** Short text, or the long form that it stands for: one is chosen by type, so its own issues are told. */
export function shorthand<S extends Schema, L extends Schema>(short: S, long: L, expected: string) {
  return byType(short, long, {
    expected,
    isShort: (value) => typeof value === "string",
    isLong: (value) => Array.isArray(value) || isTable(value),
  });
}

interface Choice {
  readonly expected: string;
  readonly isShort: (value: unknown) => boolean;
  readonly isLong: (value: unknown) => boolean;
}

function byType<S extends Schema, L extends Schema>(short: S, long: L, choice: Choice) {
  const { expected, isShort, isLong } = choice;
  const schema = v.union([short, long], expected);
  const run: (typeof schema)["~run"] = (dataset, config) => {
    const { value } = dataset;
    const chosen = isLong(value) ? long : isShort(value) ? short : v.never(expected);
    return chosen["~run"](dataset, config);
  };
  return { ...schema, "~run": run };
}

/** Demands that a table says exactly one of these keys; one of `unsupported` counts, its own issue says enough. */
export function exactlyOne<T extends object>(
  keys: readonly (keyof T & string)[],
  unsupported: readonly string[] = [],
) {
  return v.rawCheck<T>(({ dataset, addIssue }) => {
    const value: unknown = dataset.value;
    if (!isTable(value)) return;
    const said = [...keys, ...unsupported].filter((key) => value[key] !== undefined);
    if (said.length === 1) return;
    const found = said.length === 0 ? "none" : said.join(" and ");
    addIssue({ message: `expected exactly one of ${keys.join(", ")}, found ${found}` });
  });
}

/** What the file said instead, short enough for one line. Pure. */
export function showFound(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(shorten(value));
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  if (isTable(value)) return "a table";
  return String(value);
}

const FOUND_LENGTH_MAX = 80;

function shorten(found: string): string {
  return found.length <= FOUND_LENGTH_MAX ? found : `${found.slice(0, FOUND_LENGTH_MAX)}…`;
}

/** Refuses what valibot would take for a table, lists and dates, and the keys that it passes over in silence. */
function runOnTable<T extends Schema>(schema: T, rest: Schema, expected: string): T["~run"] {
  return (dataset, config) => {
    const input = dataset.value;
    if (!isTable(input)) return v.never(expected)["~run"](dataset, config);
    const result = schema["~run"](dataset, config);
    for (const key of RESERVED_KEYS) {
      if (!Object.hasOwn(input, key)) continue;
      const value = input[key];
      const [issue] = rest["~run"]({ value }, config).issues ?? [];
      if (issue === undefined) continue;
      const path = [{ type: "object", origin: "value", input, key, value }] as const;
      result.issues = [...(result.issues ?? []), { ...issue, path }] as never;
    }
    return result;
  };
}

function missing(entries: v.ObjectEntries, quotedKey: string | null): string {
  const entry = entries[quotedKey?.slice(1, -1) ?? ""];
  const expected = entry === undefined ? "" : expectation(entry);
  return expected === "" ? "missing" : `missing, ${expected}`;
}

function expectation(schema: object): string {
  if ("message" in schema && typeof schema.message === "string") return schema.message;
  return "options" in schema && Array.isArray(schema.options) ? oneOf(schema.options) : "";
}

function oneOf(options: readonly string[]): string {
  const quoted = options.map((word) => `"${word}"`);
  return quoted.length === 1 ? `expected ${quoted[0]}` : `expected one of ${quoted.join(", ")}`;
}
