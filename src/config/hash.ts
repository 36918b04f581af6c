/** What tells one text of the configuration from another. */
import { createHash } from "node:crypto";

const HEX_DIGITS = 12;

/** First 12 hex digits of the SHA-256 of the text, as UTF-8. Pure. */
export function hashText(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex").slice(0, HEX_DIGITS);
}
