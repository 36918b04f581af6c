import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../core/tls/seeded-random.ts";
import { Rig, answer, request } from "./harness.ts";
import { Origin, type Peer, until } from "./peer.ts";

const CLIENTS = 60;
const REQUESTS = 40;

test("Exchange never gives a client another one's answer, whatever endpoints and clients do", async (t) => {
  const random = seededRandom(4711);
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) => echo(peer, random));
  await rig.serve({ http: [origin.address] });
  await Promise.all(Array.from({ length: CLIENTS }, (_, id) => converse(rig, random, `c${id}`)));
  assert.ok(origin.peers.length < CLIENTS * REQUESTS, "connections were used again");
  await rig.close();
});

/** Requests one after the other or some at once; new connections when the box ends one; some are given up. */
async function converse(rig: Rig, random: (below: number) => number, id: string): Promise<void> {
  let client = await rig.client();
  for (let sent = 0; sent < REQUESTS;) {
    if (client.ended || client.closed) {
      client.destroy();
      client = await rig.client();
    }
    const many = 1 + random(3);
    let text = "";
    for (let i = 0; i < many; i += 1, sent += 1) text += message(random, `/${id}-${sent}`);
    client.write(text);
    if (random(10) === 0) client.reset();
    const answers = client.text.split("HTTP/1.1 ").length;
    await until(
      () =>
        client.closed || client.ended || client.text.split("HTTP/1.1 ").length >= answers + many,
      () => `answers to ${text} in ${client.text.slice(-500)}`,
    );
    check(client, id);
  }
}

function check(client: Peer, id: string): void {
  assert.doesNotMatch(client.text, /poison/);
  const numbers = [...client.text.matchAll(/<\/(c\d+)-(\d+)>/g)].map((match) => {
    assert.equal(match[1], id);
    return Number(match[2]);
  });
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
}

function message(random: (below: number) => number, path: string): string {
  const body = "b".repeat(random(2000));
  const kind = random(4);
  if (kind === 0) return `${request("POST", path, [`Content-Length: ${body.length}`])}${body}`;
  if (kind === 1) {
    const chunk = body === "" ? "" : `${body.length.toString(16)}\r\n${body}\r\n`;
    return `${request("PUT", path, ["Transfer-Encoding: chunked"])}${chunk}0\r\n\r\n`;
  }
  return request("GET", path);
}

/** Answers with the request's path; sometimes too much, too late, too early or not at all. */
function echo(peer: Peer, random: (below: number) => number): void {
  let waiting = "";
  peer.socket.on("data", (chunk: Buffer) => {
    waiting += chunk.toString("latin1");
    for (let found = Origin.headIn(waiting); found !== undefined; found = Origin.headIn(waiting)) {
      const { head, bodyEnd } = found;
      if (bodyEnd > waiting.length && random(20) > 0) return;
      waiting = waiting.slice(bodyEnd);
      misbehave(peer, random, `<${head.split(" ")[1] ?? ""}>`);
    }
  });
}

function misbehave(peer: Peer, random: (below: number) => number, body: string): void {
  const choice = random(16);
  const good = answer(body);
  if (choice === 0) peer.write(good + answer("poison"));
  else if (choice === 1) peer.socket.end(good);
  else if (choice === 2) peer.socket.write(good.slice(0, random(good.length)), () => peer.reset());
  else if (choice === 3) peer.end();
  else if (choice === 4) peer.reset();
  else if (choice === 5) setImmediate(() => setImmediate(() => peer.write(good)));
  else if (choice === 6) {
    peer.write(good);
    setImmediate(() => setImmediate(() => peer.write("poison")));
  } else peer.write(good);
}
