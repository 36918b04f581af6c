/** A way that takes time: TCP through a relay that holds everything back for as long as a distant network would. */
import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";

/** Where the relay leads to, and how long each way takes. */
export interface DelayRelayOptions {
  readonly port: number;
  readonly delayMs: number;
}

/**
 * Listens on a free loopback port, which it resolves to. On loopback a connection is made at once; what is sent on it
 * before a handshake over that distance could be over is held back until then.
 */
export async function startDelayRelay(
  scope: { after(clean: () => void): void },
  { port, delayMs }: DelayRelayOptions,
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    const connectedMs = performance.now() + 2 * delayMs;
    carry(near, far, () => Math.max(performance.now(), connectedMs) + delayMs);
    carry(far, near, () => performance.now() + delayMs);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** What comes first arrives first, though two timers may end in another order. */
function carry(from: Socket, to: Socket, arrivalMs: () => number): void {
  const onTheWay: (() => void)[] = [];
  const later = (act: () => void): void => {
    onTheWay.push(act);
    setTimeout(() => onTheWay.shift()?.(), arrivalMs() - performance.now());
  };
  from.on("data", (bytes: Buffer) => later(() => to.write(bytes)));
  from.on("end", () => later(() => to.end()));
  from.on("close", () => later(() => to.destroy()));
}
