/** Headers that a route sets, adds and removes, with values from the request. */
import type { HeaderEdit, HeaderTemplate } from "./model.ts";
import { type Result, failed, success } from "./result.ts";

/** What may stand in braces in a header's value. */
export const PLACEHOLDERS = [
  "client_ip",
  "host",
  "method",
  "path",
  "query",
  "scheme",
  "port",
  "request_id",
  "gateway",
  "virtual_host",
  "route",
] as const;

/** The name of a placeholder. */
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** What the placeholders stand for in one request; what the request does not have is empty. */
export type TemplateValues = Readonly<Record<Placeholder, string>>;

const PIECE = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;
const UNSAFE = /[^\t\x20-\x7e]/g;

/**
 * Splits a value into text, placeholder, text, placeholder … text; `{{` and `}}` are braces. Pure. The error is a
 * sentence: a placeholder that does not exist, or a brace alone.
 */
export function parseTemplate(value: string): Result<readonly string[], string> {
  const parts = [""];
  let from = 0;
  const append = (text: string): void => {
    parts[parts.length - 1] += text;
  };
  for (const { 0: piece, 1: name, index } of value.matchAll(PIECE)) {
    append(value.slice(from, index));
    from = index + piece.length;
    if (piece === "{{" || piece === "}}") append(piece.slice(1));
    else if (name === undefined) return failed(`write "${piece}${piece}" for a "${piece}"`);
    else if (!isPlaceholder(name)) {
      const names = PLACEHOLDERS.map((one) => `{${one}}`).join(", ");
      return failed(`there is no {${name}}; there are ${names}`);
    } else parts.push(name, "");
  }
  append(value.slice(from));
  return success(parts);
}

/** The value for one request. Pure. Whatever a request held, no line ends here and no control character passes. */
export function fillTemplate(parts: readonly string[], values: TemplateValues): string {
  if (parts.length === 1) return parts[0] ?? "";
  const filled = parts.map((part, i) => (i % 2 === 0 ? part : values[part as Placeholder]));
  return filled.join("").replace(UNSAFE, "").trim();
}

/** The fields (name, value, name, value …) after removing, then setting, then adding. Pure; names have no case. */
export function editFields(
  fields: readonly string[],
  { remove, set, add }: HeaderEdit,
  values: TemplateValues,
): string[] {
  const gone = new Set([...remove, ...set.map(({ name }) => name.toLowerCase())]);
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? "";
    if (gone.size === 0 || !gone.has(name.toLowerCase())) kept.push(name, fields[i + 1] ?? "");
  }
  const append = ({ name, value }: HeaderTemplate): void => {
    kept.push(name, fillTemplate(value, values));
  };
  set.forEach(append);
  add.forEach(append);
  return kept;
}

function isPlaceholder(name: string): name is Placeholder {
  return (PLACEHOLDERS as readonly string[]).includes(name);
}
