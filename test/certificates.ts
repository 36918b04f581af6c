/** Authorities and certificates for tests, made in memory and put into files. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";

const DAY_MS = 24 * 3_600_000;
/** subjectAltName type of a DNS name (GeneralName tag, RFC 5280 §4.2.1.6). */
const DNS_NAME = 2;

/** PEM texts. */
export interface KeyPair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** From when to when, in milliseconds since the epoch; now and for 30 days unless said. */
export interface Validity {
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** Something that signs, and its certificate. */
export class TestAuthority {
  readonly own: KeyPair;

  private constructor(own: KeyPair) {
    this.own = own;
  }

  static async make(name = "authority"): Promise<TestAuthority> {
    const made = await generate([{ name: "commonName", value: name }], {
      ...lasting({}),
      extensions: [
        { name: "basicConstraints", cA: true, critical: true },
        { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
      ],
    });
    return new TestAuthority({ certificate: made.cert, privateKey: made.private });
  }

  /** A certificate for these names, for either side of a connection. */
  async issue(names: readonly string[], validity: Validity = {}): Promise<KeyPair> {
    const made = await generate([{ name: "commonName", value: names[0] ?? "" }], {
      ...lasting(validity),
      ca: { key: this.own.privateKey, cert: this.own.certificate },
      extensions: [
        { name: "basicConstraints", cA: false, critical: true },
        { name: "keyUsage", digitalSignature: true, critical: true },
        { name: "extKeyUsage", serverAuth: true, clientAuth: true },
        { name: "subjectAltName", altNames: names.map((value) => ({ type: DNS_NAME, value })) },
      ],
    });
    return { certificate: made.cert, privateKey: made.private };
  }
}

/** A folder of PEM files that is gone after the test. */
export class PemFolder {
  readonly folder = mkdtempSync(join(tmpdir(), "gatehouse-pem-"));

  constructor(scope: { after(clean: () => void): void }) {
    scope.after(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file that only its owner may read unless said; gives its path. */
  write(name: string, text: string, mode = 0o600): string {
    writeFileSync(this.path(name), text);
    chmodSync(this.path(name), mode);
    return this.path(name);
  }

  /** Writes `NAME.pem` and `NAME.key`; gives their paths. */
  keep(name: string, { certificate, privateKey }: KeyPair): KeyPair {
    return {
      certificate: this.write(`${name}.pem`, certificate),
      privateKey: this.write(`${name}.key`, privateKey),
    };
  }
}

function lasting({ fromMs = Date.now() - DAY_MS, toMs = Date.now() + 30 * DAY_MS }: Validity) {
  return {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: new Date(fromMs),
    notAfterDate: new Date(toMs),
  } as const;
}
