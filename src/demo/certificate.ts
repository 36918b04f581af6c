/** A certificate made for the demo, PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly privateKey: string;
  /** SHA-256 of the DER form, `AB:CD:…`, as `openssl x509 -fingerprint -sha256` writes it. */
  readonly fingerprint: string;
}

const HOUR_MS = 3_600_000;
// The demo runs for minutes; one that is left running overnight should still answer.
const VALID_MS = 7 * 24 * HOUR_MS;
// subjectAltName type of a DNS name in the library's terms (GeneralName tag, RFC 5280 §4.2.1.6).
const DNS_NAME = 2;

/**
 * Makes a self-signed EC P-256 certificate for these DNS names, the first one its subject, good for a week from
 * `nowMs`. Uses the platform's randomness. The library comes in only here, as nothing but the demo needs it.
 */
export async function makeCertificate(
  names: readonly string[],
  nowMs: number,
): Promise<Certificate> {
  const { generate } = await import("selfsigned");
  const made = await generate([{ name: "commonName", value: names[0] ?? "localhost" }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    // An hour ago, for a client whose clock is not quite ours.
    notBeforeDate: new Date(nowMs - HOUR_MS),
    notAfterDate: new Date(nowMs + VALID_MS),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      { name: "subjectAltName", altNames: names.map((value) => ({ type: DNS_NAME, value })) },
    ],
  });
  return {
    certificate: made.cert,
    privateKey: made.private,
    fingerprint: await fingerprintOf(made.cert),
  };
}

async function fingerprintOf(pem: string): Promise<string> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ""), "base64");
  const digest = Buffer.from(await crypto.subtle.digest("SHA-256", der));
  return digest
    .toString("hex")
    .toUpperCase()
    .replace(/..(?!$)/g, "$&:");
}
