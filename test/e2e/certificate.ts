import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { runProgram } from "../processes.ts";
import { type Scope, temporaryFolder } from "./harness.ts";

/** A self-signed certificate made by openssl, as files. */
export interface TestCertificate {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** SHA-256, `AB:CD:…`. */
  readonly fingerprint: string;
}

/** Makes one for these names. */
export async function makeTestCertificate(
  scope: Scope,
  names: readonly string[],
): Promise<TestCertificate> {
  const folder = temporaryFolder(scope);
  const certificateFile = join(folder, "certificate.pem");
  const keyFile = join(folder, "key.pem");
  const made = await runProgram("openssl", [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
    "-subj",
    `/CN=${names[0] ?? ""}`,
    "-addext",
    `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`,
    "-keyout",
    keyFile,
    "-out",
    certificateFile,
  ]);
  if (made.status !== 0) throw new Error(made.stderr);
  const { fingerprint256 } = new X509Certificate(readFileSync(certificateFile));
  return { certificateFile, keyFile, fingerprint: fingerprint256 };
}
