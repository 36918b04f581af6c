/**
 * `node test/bench/tunnels.ts [TUNNELS] [ROUNDS]`: what idle TLS tunnels cost dist/gatehouse in resident memory, and whether
 * that grows over rounds of opening and closing them. Loopback only, and ends by itself.
 */
import { type Socket, connect, createServer } from "node:net";
import { helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { measureIdle } from "./idle-rounds.ts";
import { startPeer } from "./peers.ts";
import { freePort } from "./ports.ts";
import { GATEHOUSE } from "./stream-peers.ts";

const HELLO = helloWith(serverNames("nginx.com"));

const count = Number(process.argv[2] ?? "5000");
const rounds = Number(process.argv[3] ?? "8");

const ports = { listen: await freePort(), site: await freePort(), admin: await freePort() };
const endpoint = createServer({ allowHalfOpen: false }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.once("data", () => socket.write("x"));
  socket.resume();
}).listen(ports.site, "127.0.0.1", 8192);
const proxy = await startPeer(GATEHOUSE, ports);
try {
  await measureIdle(proxy.pid, { count, rounds, open: openTunnel });
} finally {
  await proxy.stop();
  endpoint.close();
}

/** One tunnel in which a byte has come back. */
function openTunnel(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(ports.listen, "127.0.0.1", () => socket.write(HELLO));
    socket.on("error", reject);
    socket.once("data", () => resolve(socket));
  });
}
