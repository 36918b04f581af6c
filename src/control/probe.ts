/** Whether an address can be listened on, found out before any worker tries. */
import { createServer } from "node:net";
import type { Listener, Snapshot } from "../core/model.ts";
import type { BindProblem } from "../core/messages.ts";

/**
 * Binds each address once *without* `reusePort` and lets go again. With it, the kernel would let a second gatehouse
 * share the port and take half of the connections; without it, the bind fails while anybody listens there. Resolves to
 * the addresses that failed. Not for addresses that this box itself has bound.
 */
export async function probeListeners(
  listeners: readonly Listener[],
): Promise<readonly BindProblem[]> {
  const found = await Promise.all(listeners.map(probe));
  return found.filter((problem) => problem !== undefined);
}

/** What a person is told: the gateways and the address, what is wrong and what to do. Pure. */
export function describeBindProblem(problem: BindProblem, snapshot: Snapshot): string {
  const gateways = snapshot.gateways.filter((gateway) => gateway.listener === problem.listener);
  const names = gateways.map((gateway) => gateway.name).join(", ");
  const label = gateways.length === 1 ? "gateway" : "gateways";
  const port = snapshot.listeners.find(({ id }) => id === problem.listener)?.address.port ?? 0;
  return `${label} ${names}: cannot listen on ${problem.listener}: ${reason(problem.code, port)}`;
}

function probe(listener: Listener): Promise<BindProblem | undefined> {
  const { host, port } = listener.address;
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve({ listener: listener.id, code: error.code ?? error.message });
    });
    server.listen({ port, exclusive: true, ...(host === undefined ? {} : { host }) }, () => {
      server.close(() => resolve(undefined));
    });
  });
}

function reason(code: string, port: number): string {
  switch (code) {
    case "EADDRINUSE":
      return "the port is in use (EADDRINUSE); stop what listens there, perhaps another gatehouse, or change `listen`";
    case "EACCES":
      return `not permitted (EACCES); ports under 1024 such as ${port} need CAP_NET_BIND_SERVICE: run it by the systemd unit, or choose a higher port`;
    case "EADDRNOTAVAIL":
      return "this box has no such address (EADDRNOTAVAIL); change `listen`";
    default:
      return code;
  }
}
