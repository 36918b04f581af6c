import assert from "node:assert/strict";
import { test } from "node:test";
import { mutate } from "../core/tls/mutate.ts";
import { helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { seededRandom } from "../core/tls/seeded-random.ts";
import { HOST, Rig, answer, request } from "./harness.ts";
import { type Peer, until } from "./peer.ts";

type Random = (below: number) => number;

const SESSIONS = 400;
const AT_ONCE = 40;

const REQUESTS: readonly string[] = [
  request("GET", "/"),
  request("GET", "/a/../b?c", ["Connection: close"]),
  request("HEAD", "/"),
  `${request("POST", "/", ["Content-Length: 5"])}hello`,
  `${request("POST", "/", ["Transfer-Encoding: chunked", "Trailer: T"])}5\r\nhello\r\n0\r\nT: 1\r\n\r\n`,
  request("GET", "/", ["Upgrade: websocket", "Connection: upgrade"]),
  `GET / HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`,
  request("PUT", "/", ["Content-Length: 200000", "Expect: 100-continue"]),
  "GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: unknown.test\r\n\r\n",
];

const ANSWERS: readonly string[] = [
  answer("fine"),
  answer("x".repeat(100_000)),
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  "HTTP/1.1 200 OK\r\n\r\nuntil the end",
  `HTTP/1.1 100 Continue\r\n\r\n${answer("after 100")}`,
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nframes",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
  answer("no more", ["Connection: close"]),
];

test(`HttpConnection survives ${SESSIONS} random sessions and leaves nothing behind`, async (t) => {
  const random = seededRandom(20_261_122);
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) => {
    peer.socket.on("data", () => act(peer, random, ANSWERS));
  });
  await rig.serve({ http: [origin.address, origin.address.replace(/\d+$/, "1")] });
  await runSessions(async () => {
    const client = await rig.client();
    await speak(client, random, REQUESTS);
  });
  await endAll(rig);
  assert.ok(rig.lines.length >= SESSIONS - 50, `${rig.lines.length} lines`);
  assert.equal(rig.failures("internal"), 0);
  await rig.close();
});

test(`TlsConnection survives ${SESSIONS} random sessions, with one line for each`, async (t) => {
  const random = seededRandom(20_261_123);
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) => {
    peer.socket.on("data", () => act(peer, random, ["bytes", "y".repeat(200_000)]));
  });
  await rig.serve({ tls: [origin.address, origin.address.replace(/\d+$/, "1")] });
  const hellos = [helloWith(serverNames(HOST)), helloWith(serverNames("b.test"))];
  const texts = [...hellos.map((hello) => hello.toString("latin1")), "GET / HTTP/1.1\r\n\r\n"];
  await runSessions(async () => {
    const client = await rig.tlsClient();
    await speak(client, random, texts);
  });
  await endAll(rig);
  await rig.log(SESSIONS);
  assert.equal(rig.failures("internal"), 0);
  await rig.close();
});

async function runSessions(session: () => Promise<void>): Promise<void> {
  let left = SESSIONS;
  const run = async (): Promise<void> => {
    for (; left > 0;) {
      left -= 1;
      await session();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
}

/** Some messages, whole or mutated, in random pieces; then one of the ways to go away. */
async function speak(client: Peer, random: Random, texts: readonly string[]): Promise<void> {
  client.keep = false;
  if (random(8) === 0) client.hold();
  for (let count = random(4); count >= 0 && !client.closed; count -= 1) {
    let bytes: Buffer = Buffer.from(texts[random(texts.length)] ?? "", "latin1");
    if (random(3) === 0) bytes = Buffer.from(mutate(bytes, random));
    for (let at = 0; at < bytes.length && !client.closed;) {
      const size = 1 + random(random(2) === 0 ? 10 : bytes.length);
      client.write(bytes.subarray(at, at + size));
      at += size;
      await turns(random(3));
    }
  }
  await turns(random(10));
  const ways = [() => client.end(), () => client.reset(), () => client.destroy(), () => undefined];
  ways[random(ways.length)]?.();
}

/** What an endpoint does on some bytes: nothing, an answer, half of one, garbage, a FIN, a reset. */
function act(peer: Peer, random: Random, texts: readonly string[]): void {
  if (peer.closed) return;
  const bytes = Buffer.from(texts[random(texts.length)] ?? "", "latin1");
  const choice = random(10);
  if (choice < 5) peer.write(bytes);
  else if (choice === 5) peer.write(bytes.subarray(0, random(bytes.length)));
  else if (choice === 6) peer.write(Buffer.from(mutate(bytes, random)));
  else if (choice === 7) peer.end();
  else if (choice === 8) peer.reset();
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Time ends what waits for somebody: every limit there is, one after the other. */
async function endAll(rig: Rig): Promise<void> {
  await until(
    () => rig.metric("gatehouse_connections_total") === SESSIONS,
    () => `all accepted: ${rig.metric("gatehouse_connections_total")}`,
  );
  await until(
    () => {
      rig.skip(4_000_000);
      return rig.connectionsActive === 0 && rig.tunnelsActive === 0;
    },
    () => `every connection ended: ${rig.connectionsActive} ${rig.tunnelsActive}`,
  );
  await until(
    () => rig.upstreamActive === 0,
    () => `endpoints are left: ${rig.upstreamActive}`,
  );
}
