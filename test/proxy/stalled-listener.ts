/** A port whose connections never get made: its program is stopped and its backlog full. */
import { spawn } from "node:child_process";
import type { TestContext } from "node:test";
import { Peer, until } from "./peer.ts";
import { connect } from "node:net";

const PROGRAM = `
const server = require("node:net").createServer();
server.listen({ port: 0, host: process.argv[1], backlog: 1 }, () => console.log(server.address().port));
`;

/** More than a backlog of 1 takes, so that the kernel drops every later SYN. */
const FILLERS = 4;

/** Starts one; it ends with the test. */
export async function stalledPort(context: TestContext, host = "127.0.0.1"): Promise<number> {
  const child = spawn(process.execPath, ["-e", PROGRAM, host], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await until(() => output.endsWith("\n"), "the stalled listener's port");
  child.kill("SIGSTOP");
  const port = Number(output);
  const fillers = Array.from({ length: FILLERS }, () => new Peer(connect({ port, host })));
  await until(() => fillers.filter((filler) => filler.connected).length >= 2, "a full backlog");
  context.after(async () => {
    for (const filler of fillers) filler.destroy();
    child.kill("SIGKILL");
    await until(() => child.exitCode !== null || child.signalCode !== null, "the listener's end");
  });
  return port;
}
