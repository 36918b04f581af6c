/** What conditions read from a request head. */
import { valuesOf } from "../headers.ts";
import type { RequestHead } from "../http1/request-head.ts";

/**
 * The value of a field by its lower-case name; several lines are joined by a comma, as Envoy does (RFC 9110 §5.3); undefined
 * when there is none. Pure. Host and Upgrade are kept apart from the other fields and are found too.
 */
export function headerValue(head: RequestHead, name: string): string | undefined {
  if (name === "host") return head.authority === "" ? undefined : head.authority;
  if (name === "upgrade") return head.upgrade;
  const fields = head.section.lines.list;
  let first: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const field = fields[i] ?? "";
    if (field.length !== name.length || field.toLowerCase() !== name) continue;
    if (first !== undefined) return valuesOf(fields, name).join(",");
    first = fields[i + 1];
  }
  return first;
}

/**
 * The first value of a query parameter, decoded as forms are (`+` is a space, `%41` is `A`); what cannot be decoded stays
 * as sent; `?a` is there and empty; undefined when there is none. Pure. `query` begins with "?" or is empty.
 */
export function queryValue(query: string, name: string): string | undefined {
  if (query.length < 2) return undefined;
  for (const part of query.slice(1).split("&")) {
    const equals = part.indexOf("=");
    const key = equals < 0 ? part : part.slice(0, equals);
    if (part !== "" && decode(key) === name)
      return equals < 0 ? "" : decode(part.slice(equals + 1));
  }
  return undefined;
}

function decode(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
