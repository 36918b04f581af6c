/** The one way from a file to a snapshot: run, reload and check all take it. */
import type { MetricLayout } from "../core/metric-layout.ts";
import type { Snapshot } from "../core/model.ts";
import { bindConfig, KINDS } from "./bind.ts";
import type { Kind } from "./bind.ts";
import { compileSnapshot } from "./compile.ts";
import { sortFindings } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { buildRoutedHosts } from "./host-tables.ts";
import type { RoutedHosts } from "./host-tables.ts";
import { lintConfig } from "./lint.ts";
import { parseConfig } from "./parse.ts";
import { Report } from "./report.ts";
import { validateEndpointTls } from "./validate-endpoint-tls.ts";
import { validateGateways } from "./validate-gateways.ts";
import { validateRoutes } from "./validate-routes.ts";
import { validateServices } from "./validate-services.ts";
import { validateVirtualServices } from "./validate-virtual-services.ts";

/** A file, and what a snapshot made of it says of itself. */
export interface CheckInput {
  /** The whole file; bytes are read as UTF-8. */
  readonly text: string | Uint8Array;
  /** As given by the user; findings begin with it. */
  readonly file: string;
  readonly version: number;
  /** RFC 3339. */
  readonly now: string;
  /** Asked for slots only when the file has no error. */
  readonly layout: MetricLayout;
  /** First 12 hex digits of the SHA-256. */
  readonly hash: (text: string | Uint8Array) => string;
}

/** What came of it. */
export interface CheckResult {
  /** Undefined if and only if a finding is an error. */
  readonly snapshot: Snapshot | undefined;
  /** In the order of the file. */
  readonly findings: readonly Finding[];
}

/**
 * Parses, validates, lints and compiles. Pure but for the layout's slots and the files that services name, which it reads;
 * never throws on input.
 * Reports everything at once, of syntax errors the first; warnings of the linter only when there is no error, since
 * until then they would be guesses.
 */
export function checkConfig(input: CheckInput): CheckResult {
  const { file, text } = input;
  const { config, document, findings: mistakes, declared } = parseConfig(text, file);
  if (config === undefined) return { snapshot: undefined, findings: sortFindings(mistakes) };
  const report = new Report(document, file);
  const bindings = bindConfig(config, document);
  const hosts = {
    http: buildRoutedHosts(bindings, "http"),
    tls: buildRoutedHosts(bindings, "tls"),
    tcp: buildRoutedHosts(bindings, "tcp"),
  };
  validateGateways(config, bindings, report);
  validateVirtualServices(bindings, declared, report);
  reportConflicts(hosts, report);
  validateRoutes(bindings, { names: declared.services, configs: config.service }, report);
  validateServices(config, bindings, report);
  const pemTexts = validateEndpointTls(config, Date.parse(input.now), report);
  const hasError =
    mistakes.length > 0 || report.findings.some(({ severity }) => severity === "error");
  if (!hasError) lintConfig(config, { bindings, hosts }, report);
  const findings = sortFindings([...mistakes, ...report.findings]);
  if (hasError) return { snapshot: undefined, findings };
  const hash = input.hash(text);
  const { version, now, layout } = input;
  const snapshot = compileSnapshot({
    config,
    document,
    bindings,
    hosts,
    layout,
    version,
    hash,
    file,
    now,
    pemTexts,
  });
  return { snapshot, findings };
}

function reportConflicts(hosts: Readonly<Record<Kind, RoutedHosts>>, report: Report): void {
  for (const kind of KINDS) {
    for (const { host, first, second, hostIndex, gateway } of hosts[kind].conflicts) {
      const both =
        first.name === second.name
          ? `the virtual services in lines ${first.origin.line} and ${second.origin.line}`
          : `virtual services "${first.name}" (line ${first.origin.line}) and "${second.name}" (line ${second.origin.line})`;
      const message = `${both} both route ${kind} for "${host}" on gateway "${gateway.config.name}"`;
      report.error([...second.path, "hosts", hostIndex], message);
    }
  }
}
