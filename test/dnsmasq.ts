/** A real DNS server on the loopback. */
import { type ChildProcess, spawn } from "node:child_process";
import { findCommand, hasCommand } from "./packages.ts";
import { endProcess, findFreePort } from "./processes.ts";

/** What a test says that needs it: `test(name, { skip: SKIP_DNSMASQ }, …)`. */
export const SKIP_DNSMASQ = hasCommand("dnsmasq") ? false : "dnsmasq is not installed";

/** A running dnsmasq. */
export interface Dnsmasq {
  readonly port: number;
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** It reads the files of `--addn-hosts` again. */
  reread(): void;
  /** Ends it at once. */
  kill(): Promise<void>;
}

/** Starts it in the foreground with these records and nothing else; gone when the scope ends. A free port unless said. */
export async function startDnsmasq(
  scope: { after(clean: () => Promise<void>): void },
  records: readonly string[],
  givenPort?: number,
): Promise<Dnsmasq> {
  const port = givenPort ?? (await findFreePort());
  const child = spawn(
    findCommand("dnsmasq") ?? "dnsmasq",
    [
      "--keep-in-foreground",
      "--conf-file=/dev/null",
      "--log-facility=-",
      "--no-resolv",
      "--no-hosts",
      "--bind-interfaces",
      "--listen-address=127.0.0.1",
      `--port=${port}`,
      "--pid-file=",
      "--user=root",
      ...records,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  scope.after(() => endProcess(child));
  await started(child);
  return {
    port,
    address: `127.0.0.1:${port}`,
    reread: () => void child.kill("SIGHUP"),
    kill: () => endProcess(child),
  };
}

async function started(child: ChildProcess): Promise<void> {
  let text = "";
  await new Promise<void>((resolve, reject) => {
    // The pipe is read to the end: dnsmasq must never wait for us.
    child.stderr?.on("data", (chunk: Buffer) => {
      text += String(chunk);
      if (text.includes("started")) resolve();
    });
    child.once("close", () => reject(new Error(`dnsmasq did not start: ${text}`)));
  });
}
