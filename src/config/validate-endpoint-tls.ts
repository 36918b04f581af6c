/** What must hold of TLS to endpoints: a name to verify, files that are what they should be, and no TLS within TLS. */
import type { Result } from "../core/result.ts";
import { checkPrivateKey, readCertificates } from "./crypto.ts";
import type { CertificateFacts } from "./crypto.ts";
import type { Path } from "./document.ts";
import { readPemFile } from "./read.ts";
import type { PemFile } from "./read.ts";
import type { Report } from "./report.ts";
import type { Config, ServiceConfig } from "./schema.ts";

/** The files that services name, by path: each is read once. */
export type PemTexts = ReadonlyMap<string, string>;

/** `[service.NAME.tls]`. */
type TlsConfig = NonNullable<ServiceConfig["tls"]>;

/** Reports what is wrong. Effect: reads the files. `nowMs` decides whether a certificate has expired. */
export function validateEndpointTls(config: Config, nowMs: number, report: Report): PemTexts {
  const files = new PemFiles(report);
  for (const [name, service] of Object.entries(config.service)) {
    if (service.tls === undefined) continue;
    const path = ["service", name];
    validateMode([...path, "tls"], service.tls, report);
    if (service.tls.sni === undefined && !service.tls.insecure)
      validateNames(path, service, report);
    validateFiles([...path, "tls"], service.tls, { files, nowMs, report });
    if (service.tls.insecure) {
      const message = "certificates of endpoints are not verified: anybody between may answer";
      report.warning([...path, "tls", "insecure"], message);
    }
  }
  refuseDoubleTls(config, report);
  return files.texts;
}

function validateMode(path: Path, tls: TlsConfig, report: Report): void {
  const { mode, certificate, private_key: key } = tls;
  if (mode === "mutual" && certificate === undefined)
    report.error([...path, "certificate"], 'missing, mode = "mutual" needs it');
  if (mode === "mutual" && key === undefined)
    report.error([...path, "private_key"], 'missing, mode = "mutual" needs it');
  if (mode === "mutual") return;
  if (certificate !== undefined)
    report.error([...path, "certificate"], 'is only shown with mode = "mutual"');
  if (key !== undefined)
    report.error([...path, "private_key"], 'is only used with mode = "mutual"');
}

/**
 * An address has no name that a certificate could be verified against. Nor is one that SRV records give: whoever can
 * forge them would name a host whose certificate he has (RFC 9525 §6.1). A file may have addresses at any time.
 */
function validateNames(path: Path, service: ServiceConfig, report: Report): void {
  const { endpoints = [], srv, file } = service;
  if (srv !== undefined) {
    const message = "what it says is no name to verify certificates against: say tls.sni";
    report.error([...path, "srv"], message);
  }
  if (file !== undefined) {
    const message = "may list addresses, which have no name to verify against: say tls.sni";
    report.error([...path, "file"], message);
  }
  for (const [i, { address }] of endpoints.entries()) {
    if (address.kind === "name") continue;
    const message = "has no name to verify its certificate against: say tls.sni";
    report.error([...path, "endpoints", i], message);
  }
}

interface FileChecks {
  readonly files: PemFiles;
  readonly nowMs: number;
  readonly report: Report;
}

function validateFiles(path: Path, tls: TlsConfig, { files, nowMs, report }: FileChecks): void {
  const { ca, certificate, private_key: key } = tls;
  if (ca !== undefined) {
    const at = [...path, "ca"];
    const found = files.certificates(ca, at);
    if (found?.every(({ validToMs }) => validToMs < nowMs) === true)
      report.warning(at, `every certificate in ${ca} has expired`);
  }
  if (certificate !== undefined) {
    const at = [...path, "certificate"];
    const [own] = files.certificates(certificate, at) ?? [];
    if (own !== undefined) warnOfTime(at, own, { nowMs, report });
  }
  if (key === undefined) return;
  const at = [...path, "private_key"];
  const file = files.read(key, at);
  if (file?.isWorldReadable === true)
    report.warning(at, `every user of this box may read ${key}: chmod o-r`);
  const own = certificate === undefined ? undefined : files.texts.get(certificate);
  if (file === undefined || own === undefined || !readCertificates(own).ok) return;
  const checked = checkPrivateKey(file.text, own);
  if (!checked.ok) report.error(at, `${key} ${checked.error}`);
}

/** Whether to let such a certificate in is for the endpoint to say. */
function warnOfTime(
  path: Path,
  { subject, validFromMs, validToMs }: CertificateFacts,
  { nowMs, report }: { readonly nowMs: number; readonly report: Report },
): void {
  if (validToMs < nowMs)
    report.warning(path, `the certificate of ${subject} has expired on ${day(validToMs)}`);
  else if (validFromMs > nowMs)
    report.warning(path, `the certificate of ${subject} is valid only from ${day(validFromMs)}`);
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** What is passed through is TLS already. */
function refuseDoubleTls({ virtual_service, gateway, service }: Config, report: Report): void {
  for (const [i, { tls }] of virtual_service.entries()) {
    for (const [j, { route }] of tls.entries()) {
      for (const [k, { to }] of route.entries()) {
        if (service[to]?.tls === undefined) continue;
        report.error(["virtual_service", i, "tls", j, "route", k], doubled(to));
      }
    }
  }
  for (const [i, { no_sni: to }] of gateway.entries()) {
    if (service[to]?.tls !== undefined) report.error(["gateway", i, "no_sni"], doubled(to));
  }
}

function doubled(name: string): string {
  return `service "${name}" speaks TLS to its endpoints, and what is passed through is TLS already: route to one without tls`;
}

/** Reads each file once. Owned by one check. */
class PemFiles {
  readonly texts = new Map<string, string>();
  readonly #report: Report;
  readonly #files = new Map<string, Result<PemFile, string>>();
  readonly #certificates = new Map<string, Result<readonly CertificateFacts[], string>>();

  constructor(report: Report) {
    this.#report = report;
  }

  /** Undefined when it cannot be read; then it is reported. */
  read(file: string, path: Path): PemFile | undefined {
    const found = this.#files.get(file) ?? readPemFile(file);
    this.#files.set(file, found);
    if (!found.ok) {
      this.#report.error(path, `${file} ${found.error}`);
      return undefined;
    }
    this.texts.set(file, found.value.text);
    return found.value;
  }

  /** What is in a file of certificates. */
  certificates(file: string, path: Path): readonly CertificateFacts[] | undefined {
    const pem = this.read(file, path);
    if (pem === undefined) return undefined;
    const found = this.#certificates.get(file) ?? readCertificates(pem.text);
    this.#certificates.set(file, found);
    if (found.ok) return found.value;
    this.#report.error(path, `${file} ${found.error}`);
    return undefined;
  }
}
