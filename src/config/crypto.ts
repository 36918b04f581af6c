/** What the check asks of the platform's cryptography: digests, certificates and keys. */
import { X509Certificate, createHash, createPrivateKey } from "node:crypto";
import { failed, success } from "../core/result.ts";
import type { Result } from "../core/result.ts";

const HEX_DIGITS = 12;
const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END [A-Z0-9 ]+-----/g;
/** The largest bundles of authorities have some hundred. */
const CERTIFICATES_MAX = 2000;

/** What is asked of one certificate. */
export interface CertificateFacts {
  /** As one line. */
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly validFromMs: number;
  readonly validToMs: number;
}

/** First 12 hex digits of the SHA-256 of the text, as UTF-8: what tells one configuration from another. Pure. */
export function hashText(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex").slice(0, HEX_DIGITS);
}

/** Reads every certificate of a PEM text, at least one. Pure. The error says what is wrong with the text. */
export function readCertificates(pem: string): Result<readonly CertificateFacts[], string> {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) return failed("has no PEM certificate (-----BEGIN CERTIFICATE-----)");
  if (blocks.length > CERTIFICATES_MAX)
    return failed(`has more than ${CERTIFICATES_MAX} certificates`);
  const facts: CertificateFacts[] = [];
  for (const [i, block] of blocks.entries()) {
    try {
      facts.push(factsOf(new X509Certificate(block)));
    } catch {
      return failed(`certificate ${i + 1} in it cannot be read`);
    }
  }
  return success(facts);
}

/** Whether a PEM private key can be used without a passphrase and belongs to the first of the certificates. Pure. */
export function checkPrivateKey(key: string, certificates: string): Result<undefined, string> {
  if (/ENCRYPTED/.test(key)) return failed("is encrypted: a passphrase cannot be given");
  try {
    const parsed = createPrivateKey(key);
    if (new X509Certificate(certificates).checkPrivateKey(parsed)) return success(undefined);
  } catch {
    return failed("has no PEM private key that can be read (-----BEGIN PRIVATE KEY-----)");
  }
  return failed("does not belong to the certificate");
}

function factsOf({ subject, validFromDate, validToDate }: X509Certificate): CertificateFacts {
  return {
    subject: (subject ?? "").replaceAll("\n", ", ").slice(0, 200),
    validFromMs: validFromDate.getTime(),
    validToMs: validToDate.getTime(),
  };
}
