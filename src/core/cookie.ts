/** Cookies as far as the edge reads and sets them (RFC 6265). */
import type { RequestHead } from "./http1/request-head.ts";

/** What a cookie that the edge sets says of itself. */
export interface CookieSettings {
  /** A token (RFC 6265 §4.1.1). */
  readonly name: string;
  readonly value: string;
  /** 0 = until the browser closes. */
  readonly maxAgeSeconds: number;
  /** The client came by https, and the cookie is for that alone. */
  readonly secure: boolean;
}

/** The first value of a cookie of this name that is not empty, without quotes; undefined when there is none. Pure. */
export function cookieValue(head: RequestHead, name: string): string | undefined {
  const fields = head.section.lines.list;
  for (let i = 0; i < fields.length; i += 2) {
    const field = fields[i] ?? "";
    if (field.length !== COOKIE.length || field.toLowerCase() !== COOKIE) continue;
    const value = pairValue(fields[i + 1] ?? "", name);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** The value of a Set-Cookie that no script reads and other sites do not bring along (RFC 6265bis §4.1.2). Pure. */
export function showSetCookie({ name, value, maxAgeSeconds, secure }: CookieSettings): string {
  const age = maxAgeSeconds === 0 ? "" : `; Max-Age=${maxAgeSeconds}`;
  return `${name}=${value}; Path=/${age}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
}

/** Whether the fields of an answer (name, value, name, value …) set a cookie of this name. Pure. */
export function setsCookie(fields: readonly string[], name: string): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() !== "set-cookie") continue;
    if (pairName(fields[i + 1] ?? "") === name) return true;
  }
  return false;
}

const COOKIE = "cookie";

/** Of `a=1; b=2`; compared with case (RFC 6265 §5.3). */
function pairValue(text: string, name: string): string | undefined {
  for (const pair of text.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    const bare = /^".*"$/.test(value) ? value.slice(1, -1) : value;
    if (bare !== "") return bare;
  }
  return undefined;
}

function pairName(setCookie: string): string {
  return setCookie.slice(0, Math.max(setCookie.indexOf("="), 0)).trim();
}
