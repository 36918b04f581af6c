import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { endProcess, findFreePort, until } from "../processes.ts";
import { findCommand } from "../packages.ts";
import type { TestCertificate } from "./certificate.ts";
import { type Scope, temporaryFolder } from "./harness.ts";

/** One nginx with one site on a free loopback port. */
export interface Nginx {
  readonly port: number;
  /**
   * Connections that it has accepted so far, by its own count. The question is one of them, so two looks with nothing
   * between them differ by 1.
   */
  accepted(): Promise<number>;
  /** Its access log: one request line each. */
  requests(): readonly string[];
  /** Ends it at once; its connections are reset. */
  kill(): Promise<void>;
}

/** What one nginx serves. */
export interface Site {
  readonly locations: string;
  readonly certificate?: TestCertificate;
  /** A free one unless said. */
  readonly port?: number;
  /** On the loopback; 127.0.0.1 unless said. */
  readonly address?: string;
  /** The path of a Unix socket, besides the port. */
  readonly socket?: string;
}

/** Starts nginx with these `location` blocks, over TLS if it has a certificate; waits until it listens. */
export async function startNginx(scope: Scope, site: Site): Promise<Nginx> {
  const folder = temporaryFolder(scope);
  mkdirSync(join(folder, "tmp"));
  const port = site.port ?? (await findFreePort());
  const statusPort = await findFreePort();
  const config = join(folder, "nginx.conf");
  writeFileSync(config, configuration({ ...site, folder, port, statusPort }));
  const program = findCommand("nginx") ?? "nginx";
  const child = spawn(program, ["-p", folder, "-c", config, "-e", "stderr"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  scope.after(() => endProcess(child));
  const output = { stderr: "" };
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  await until(`nginx listens`, async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${output.stderr}`);
    const addresses = [[port, site.address ?? "127.0.0.1"] as const, [statusPort] as const];
    const connected = await Promise.all(addresses.map(([each, host]) => canConnect(each, host)));
    return connected.includes(false) ? undefined : true;
  });
  return {
    port,
    accepted: () => readAccepted(statusPort),
    kill: () => endProcess(child),
    requests: () => readFileSync(join(folder, "access.log"), "utf8").split("\n").slice(0, -1),
  };
}

/** One process, so that one pid stops it. */
function configuration(site: {
  readonly folder: string;
  readonly port: number;
  readonly statusPort: number;
  readonly locations: string;
  readonly certificate?: TestCertificate;
  readonly address?: string;
  readonly socket?: string;
}): string {
  const { folder, port, statusPort, locations, certificate, socket } = site;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 2048; }
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/tmp/${name};`).join("\n  ")}
  log_format line '$request';
  access_log ${folder}/access.log line;
  keepalive_requests 1000000;
  keepalive_timeout 600;
  default_type text/html;
  server {
    listen ${site.address ?? "127.0.0.1"}:${port}${certificate === undefined ? "" : " ssl"};
    ${certificate === undefined ? "" : `ssl_certificate ${certificate.certificateFile};`}
    ${certificate === undefined ? "" : `ssl_certificate_key ${certificate.keyFile};`}
    ${socket === undefined ? "" : `listen unix:${socket};`}
    root ${folder};
    ${locations}
  }
  server {
    listen 127.0.0.1:${statusPort};
    access_log off;
    location / { stub_status; }
  }
}
`;
}

function readAccepted(statusPort: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = get(`http://127.0.0.1:${statusPort}/`, { agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      // The line below "server accepts handled requests".
      response.on("end", () => resolve(Number(/^ (\d+) /m.exec(text)?.[1])));
    });
    sent.on("error", reject);
  });
}

function canConnect(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.on("error", () => resolve(false));
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
