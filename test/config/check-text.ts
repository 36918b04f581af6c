/** Runs the check on text and gives back what a person would see. */
import { checkConfig } from "../../src/config/check.ts";
import { formatFinding } from "../../src/config/finding.ts";
import { hashText } from "../../src/config/crypto.ts";
import { MetricLayout } from "../../src/core/metric-layout.ts";
import type { Snapshot } from "../../src/core/model.ts";

export interface Checked {
  readonly snapshot: Snapshot | undefined;
  /** `LINE:COL: error: PATH: message`, without the file. */
  readonly lines: readonly string[];
}

export function check(text: string | Uint8Array, layout = new MetricLayout()): Checked {
  const { snapshot, findings } = checkConfig({
    text,
    file: "f",
    version: 1,
    now: "2026-01-02T03:04:05.000Z",
    layout,
    hash: hashText,
  });
  return { snapshot, lines: findings.map((finding) => formatFinding(finding).slice("f:".length)) };
}

/** The snapshot of a file that must be without an error. */
export function compile(text: string): Snapshot {
  const { snapshot, lines } = check(text);
  if (snapshot === undefined) throw new Error(`not valid:\n${lines.join("\n")}`);
  return snapshot;
}

/** What may be put into `file`, one line each. */
export interface Lines {
  readonly box?: string;
  readonly web?: string;
  readonly tls?: string;
  readonly virtualService?: string;
  readonly http?: string;
  readonly tlsRoute?: string;
  readonly service?: string;
  readonly tail?: string;
}

/** A file without a finding, whose lines are numbered as they stand here. */
export function file(put: Lines = {}): string {
  return [
    put.box ?? "", //                                1
    "[[gateway]]", //                                2
    'name = "web"', //                               3
    'listen = ":8080"', //                           4
    'protocol = "http"', //                          5
    'hosts = ["a.com"]', //                          6
    put.web ?? "", //                                7
    "[[gateway]]", //                                8
    'name = "tls"', //                               9
    'listen = ":8443"', //                          10
    'protocol = "tls"', //                          11
    'hosts = ["a.com"]', //                         12
    put.tls ?? "", //                               13
    "[[virtual_service]]", //                       14
    'hosts = ["a.com"]', //                         15
    put.virtualService ?? "", //                    16
    "[[virtual_service.http]]", //                  17
    put.http ?? 'route = "s"', //                   18
    "[[virtual_service.tls]]", //                   19
    put.tlsRoute ?? 'route = "s"', //               20
    "[service.s]", //                               21
    put.service ?? 'endpoints = ["10.0.0.1:80"]', //22
    put.tail ?? "", //                              23
    "",
  ].join("\n");
}
