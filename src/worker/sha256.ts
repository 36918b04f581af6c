/** SHA-256 for fingerprints. */
import { hash } from "node:crypto";

/** Of text as UTF-8, in lower-case hexadecimal. Pure. */
export function sha256Hex(text: string): string {
  return hash("sha256", text, "hex");
}
