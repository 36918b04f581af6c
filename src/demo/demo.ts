import { makeCertificate } from "./certificate.ts";
import { type DemoPlan, demoConfiguration, demoInstructions } from "./instructions.ts";
import { findFreePorts, probePort, type Site, startPlainSite, startTlsSite } from "./sites.ts";
import { createWorkspace, type Workspace } from "./workspace.ts";

/** What the demo is given. */
export interface DemoOptions {
  /** Shows text to a person, newlines included. */
  readonly print: (text: string) => void;
  /** Where the two gateways listen on 127.0.0.1; 0 = a free port. */
  readonly ports: { readonly http: number; readonly tls: number };
  /** Where the admin API is wanted; 9901. Another one is taken if that is in use. */
  readonly adminPort?: number;
  /** Runs the real box with this configuration, which also stands in `file`, and resolves with its exit code. */
  readonly run: (config: { readonly text: string; readonly file: string }) => Promise<number>;
}

const NAMES = ["nginx.com", "www.nginx.com"];
// The default of `admin.listen`.
const ADMIN_PORT = 9901;

/**
 * The embedded trial: two sites inside this process, the seed configuration in front of them, and the lines to try it
 * with. Loopback only: a trial must not put anything on the network. Resolves with the exit code when the box has
 * stopped; 1 with one line of reason if a port is taken. Leaves nothing behind.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const problem = await portProblem(options.ports);
  if (problem !== undefined) {
    options.print(`${problem}\n`);
    return 1;
  }
  const workspace = createWorkspace();
  const sites: Site[] = [];
  try {
    const plan = await prepare(options, { workspace, sites });
    const text = demoConfiguration(plan);
    const file = workspace.write("gatehouse.toml", text);
    options.print(
      `The configuration, also in ${file}:\n\n${indent(text)}\n${demoInstructions(plan)}\n`,
    );
    return await options.run({ text, file });
  } finally {
    await Promise.all(sites.map((site) => site.close()));
    workspace.remove();
  }
}

/** Starts the sites and says where everything is. What is started is in `sites` even if a later step fails. */
async function prepare(
  { ports, adminPort = ADMIN_PORT }: DemoOptions,
  { workspace, sites }: { readonly workspace: Workspace; readonly sites: Site[] },
): Promise<DemoPlan> {
  const certificate = await makeCertificate(NAMES, Date.now());
  const plain = await startPlainSite();
  sites.push(plain);
  const tls = await startTlsSite(certificate);
  sites.push(tls);
  const [freeHttp = 0, freeTls = 0, freeAdmin = 0] = await findFreePorts(3);
  // A box that already runs here keeps its admin address; the trial takes another one.
  const admin = (await probePort(adminPort)) === undefined ? adminPort : freeAdmin;
  return {
    httpPort: ports.http === 0 ? freeHttp : ports.http,
    tlsPort: ports.tls === 0 ? freeTls : ports.tls,
    plainSitePort: plain.port,
    tlsSitePort: tls.port,
    adminPort: admin === ADMIN_PORT ? undefined : admin,
    certificatePath: workspace.write("nginx.com.pem", certificate.certificate),
    fingerprint: certificate.fingerprint,
  };
}

async function portProblem(ports: DemoOptions["ports"]): Promise<string | undefined> {
  for (const [port, option] of [
    [ports.http, "--http-port"],
    [ports.tls, "--tls-port"],
  ] as const) {
    const code = await probePort(port);
    if (code === undefined) continue;
    const reason = code === "EADDRINUSE" ? "is in use" : `cannot be used (${code})`;
    return `Port ${port} of 127.0.0.1 ${reason}: choose another one with ${option} PORT`;
  }
  if (ports.http === ports.tls && ports.http !== 0) {
    return `Both gateways want port ${ports.http}: choose another one with --http-port PORT or --tls-port PORT`;
  }
  return undefined;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
