/** Trailer fields (RFC 9112 §7.1.2): kept apart from the head, and passed on only where they can do no harm. */
import { parseFields } from "./fields.ts";

/**
 * Fields that must not come after the content, for whoever merges them into the head would be misled. Framing and routing
 * are taken out by the parser already; these are authentication, request modifiers and what says how to treat the
 * content (RFC 9110 §6.5.1).
 */
const UNWANTED: ReadonlySet<string> = new Set([
  "age",
  "authorization",
  "cache-control",
  "cdn-loop",
  "cookie",
  "date",
  "expires",
  "location",
  "pragma",
  "range",
  "referer",
  "retry-after",
  "set-cookie",
  "user-agent",
  "vary",
  "via",
  "www-authenticate",
]);
const UNWANTED_PREFIXES: readonly string[] = ["content-", "if-"];

/**
 * The lines of a trailer section that may be passed on, each with its CRLF. Pure. `section` is what a ChunkedDecoder kept:
 * lines that obey the rules of a head, or nothing.
 */
export function filterTrailers(section: string): string {
  if (section === "") return "";
  const parsed = parseFields(section, 0, Number.POSITIVE_INFINITY);
  if (!parsed.ok) return "";
  const fields = parsed.value.lines.list;
  let lines = "";
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? "";
    if (!isUnwanted(name.toLowerCase())) lines += `${name}: ${fields[i + 1]}\r\n`;
  }
  return lines;
}

function isUnwanted(folded: string): boolean {
  return UNWANTED.has(folded) || UNWANTED_PREFIXES.some((prefix) => folded.startsWith(prefix));
}
