/**
 * A worker that can be made to die: not in the shipped executable, which has no back door, but in one that
 * faulty-build.ts makes. Besides that it is the real one. When the file that GATEHOUSE_TEST_FAULT names appears, one
 * worker takes it, writes into it the ports of the clients whose connections it holds, and throws.
 */
import { subscribe } from "node:diagnostics_channel";
import { renameSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
// An entry has effects and no exports.
// oxlint-disable-next-line import/no-unassigned-import
import "../../src/worker/main.ts";

const POLL_MS = 5;

/** Where the ports of the connections that died with the worker stand. */
const TAKEN_SUFFIX = ".taken";

const fault = process.env["GATEHOUSE_TEST_FAULT"] ?? "";
const sockets = new Set<Socket>();

subscribe("net.server.socket", (message) => {
  const { socket } = message as { readonly socket: Socket };
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
});
setInterval(dieIfTold, POLL_MS);

function dieIfTold(): void {
  try {
    // Only one of all workers can do that.
    renameSync(fault, `${fault}.claimed`);
  } catch {
    return;
  }
  const ports = [...sockets].map(({ remotePort }) => remotePort);
  writeFileSync(`${fault}.claimed`, JSON.stringify(ports));
  renameSync(`${fault}.claimed`, `${fault}${TAKEN_SUFFIX}`);
  throw new Error("the fault of the test");
}
