/**
 * What a header field's name means to a proxy. Everything else about a field is its owner's business.
 */

/** A field that passes through untouched. */
export const ORDINARY = 0;
/** Not a token (RFC 9110 §5.1). */
export const INVALID = 1;
/** Meant for this connection only and dropped (RFC 9110 §7.6.1). */
export const HOP = 2;
export const HOST = 3;
export const CONTENT_LENGTH = 4;
export const TRANSFER_ENCODING = 5;
export const CONNECTION = 6;
export const TE = 7;
export const TRAILER = 8;
export const UPGRADE = 9;
export const EXPECT = 10;
/** What an earlier proxy says of the client: believed from trusted peers only. */
export const FORWARDING = 11;
export const REQUEST_ID = 12;
/** Passes through; the access log wants it too. */
export const USER_AGENT = 13;
export const REFERER = 14;
/** A name that turns into a framing or forwarding field when `_` and `-` are taken for the same. */
export const LOOKALIKE = 15;
/** Passes through; loop detection reads it (RFC 8586 §2). */
export const CDN_LOOP = 16;

const SPECIAL: ReadonlyMap<string, number> = new Map([
  ["host", HOST],
  ["content-length", CONTENT_LENGTH],
  ["transfer-encoding", TRANSFER_ENCODING],
  ["connection", CONNECTION],
  ["te", TE],
  ["trailer", TRAILER],
  ["upgrade", UPGRADE],
  ["expect", EXPECT],
  ["keep-alive", HOP],
  ["proxy-connection", HOP],
  ["proxy-authenticate", HOP],
  ["proxy-authorization", HOP],
  ["http2-settings", HOP],
  ["x-forwarded-for", FORWARDING],
  ["x-forwarded-proto", FORWARDING],
  ["x-forwarded-host", FORWARDING],
  ["x-forwarded-port", FORWARDING],
  ["x-real-ip", FORWARDING],
  ["forwarded", FORWARDING],
  ["x-request-id", REQUEST_ID],
  ["user-agent", USER_AGENT],
  ["referer", REFERER],
  ["cdn-loop", CDN_LOOP],
]);

/** Spellings that clients and servers really send: a hit here needs neither folding nor a token check, nor a copy. */
const COMMON: readonly string[] = [
  "Host Content-Length Transfer-Encoding Connection TE Trailer Upgrade Expect Keep-Alive",
  "Proxy-Connection X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Forwarded-Port X-Real-IP",
  "Forwarded X-Request-Id X-Request-ID User-Agent Referer",
  "Accept Accept-Encoding Accept-Language Accept-Ranges Accept-Charset Age Alt-Svc Authorization",
  "Cache-Control Content-Disposition Content-Encoding Content-Language Content-Range",
  "Content-Security-Policy Content-Type Cookie Date DNT ETag Etag Expires If-Match",
  "If-Modified-Since If-None-Match If-Range Last-Modified Link Location Origin Pragma Priority Range",
  "Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Sec-Fetch-User Sec-CH-UA Server Set-Cookie",
  "Strict-Transport-Security Upgrade-Insecure-Requests Vary Via X-Content-Type-Options",
  "X-Frame-Options X-Powered-By X-Requested-With",
].flatMap((line) => line.split(" "));

interface CommonName {
  readonly name: string;
  readonly kind: number;
}

/** Longer names are rare. */
const COMMON_LENGTH_MAX = 31;
/** By length and first letter, which leaves eight spellings at most; undefined = none. */
const COMMON_NAMES: readonly (readonly CommonName[] | undefined)[] = buildCommonNames();

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * What the field name text[start, end) means: one of this file's constants. Pure; case-insensitive (RFC 9110 §5.1). `text`
 * is latin1.
 */
export function classifyFieldName(text: string, start = 0, end = text.length): number {
  const length = end - start;
  const candidates =
    length > COMMON_LENGTH_MAX ? undefined : COMMON_NAMES[slotOf(length, text.charCodeAt(start))];
  if (candidates !== undefined) {
    for (const { name, kind } of candidates) if (text.startsWith(name, start)) return kind;
  }
  return classifyRare(text.slice(start, end));
}

/** Whether the text is a token (RFC 9110 §5.6.2). Pure. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

function classifyRare(name: string): number {
  if (!TOKEN.test(name)) return INVALID;
  const folded = name.toLowerCase();
  const special = SPECIAL.get(folded);
  if (special !== undefined) return special;
  if (folded.includes("_") && isDangerous(folded.replaceAll("_", "-"))) return LOOKALIKE;
  return ORDINARY;
}

/** CGI-style applications read `Content_Length` and `Content-Length` as one variable. */
function isDangerous(folded: string): boolean {
  const special = SPECIAL.get(folded);
  return special !== undefined && special < USER_AGENT;
}

/** Letters fold to one slot; what is none cannot begin a common name, whatever slot it gets. */
function slotOf(length: number, first: number): number {
  return length * 32 + (first & 31);
}

function buildCommonNames(): (readonly CommonName[] | undefined)[] {
  const slots = Array.from({ length: (COMMON_LENGTH_MAX + 1) * 32 }, (): CommonName[] => []);
  for (const common of COMMON) {
    const folded = common.toLowerCase();
    const kind = SPECIAL.get(folded) ?? ORDINARY;
    const slot = slots[slotOf(common.length, common.charCodeAt(0))];
    for (const name of new Set([common, folded])) {
      if (slot?.some((other) => other.name === name) === false) slot.push({ name, kind });
    }
  }
  return slots.map((slot) => (slot.length > 0 ? slot : undefined));
}
