import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Line, Rig, answer, request } from "./harness.ts";
import { type Origin, type Peer, until } from "./peer.ts";
import { stalledPort } from "./stalled-listener.ts";

/** A state of a connection, and what its line says when the client goes away in it. */
interface State {
  readonly name: string;
  /** Brings the client into that state; the origin never answers on its own. */
  readonly reach: (client: Peer, origin: Origin) => Promise<void>;
  /** Failure kinds of the lines in order; `served` = none. */
  readonly afterReset: readonly string[];
  readonly afterFin: readonly string[];
  /** After a FIN the client still gets its answer. */
  readonly answered?: boolean;
}

const STATES: readonly State[] = [
  {
    name: "before a byte",
    reach: async () => undefined,
    afterReset: ["connection-empty"],
    afterFin: ["connection-empty"],
  },
  {
    name: "inside its head",
    reach: async (client) => client.write("GET / HTTP/1.1\r\nHo"),
    afterReset: ["client-closed"],
    afterFin: ["client-closed"],
  },
  {
    name: "while it waits for the answer",
    reach: async (client, origin) => {
      client.write(request("GET", "/"));
      await (await origin.peer()).see("\r\n\r\n");
    },
    afterReset: ["client-closed"],
    afterFin: ["served"],
    answered: true,
  },
  {
    name: "inside its body",
    reach: async (client, origin) => {
      client.write(`${request("POST", "/", ["Content-Length: 10"])}half`);
      await (await origin.peer()).see("half");
    },
    afterReset: ["client-closed"],
    afterFin: ["client-closed"],
  },
  {
    name: "inside a chunked body",
    reach: async (client, origin) => {
      client.write(`${request("POST", "/", ["Transfer-Encoding: chunked"])}4\r\nhalf\r\n`);
      await (await origin.peer()).see("half");
    },
    afterReset: ["client-closed"],
    afterFin: ["client-closed"],
  },
  {
    name: "inside the answer",
    reach: async (client, origin) => {
      client.write(request("GET", "/"));
      const peer = await origin.peer();
      await peer.see("\r\n\r\n");
      peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      await client.see("half");
    },
    afterReset: ["client-closed"],
    afterFin: ["served"],
    answered: true,
  },
  {
    name: "between two requests",
    reach: async (client, origin) => {
      client.write(request("GET", "/"));
      const peer = await origin.peer();
      await peer.see("\r\n\r\n");
      peer.write(answer("one"));
      await client.see("one");
    },
    afterReset: ["served"],
    afterFin: ["served"],
  },
  {
    name: "inside its second head",
    reach: async (client, origin) => {
      client.write(`${request("GET", "/")}GET /2 HT`);
      const peer = await origin.peer();
      await peer.see("\r\n\r\n");
      peer.write(answer("one"));
      await client.see("one");
    },
    afterReset: ["served", "client-closed"],
    afterFin: ["served", "client-closed"],
  },
];

for (const state of STATES) {
  test(`HttpConnection ends when the client resets ${state.name}`, async (t) => {
    const { rig, origin, client } = await reach(t, state);
    client.reset();
    await expectLines(rig, state.afterReset);
    await until(() => rig.connectionsActive === 0, "the connection is forgotten");
    if (state.afterReset.includes("client-closed") && origin.peers[0] !== undefined) {
      if (!state.afterReset.includes("served")) await origin.peers[0].seeEnd();
    }
    await rig.close();
  });

  test(`HttpConnection ends when the client's FIN comes ${state.name}`, async (t) => {
    const { rig, origin, client } = await reach(t, state);
    client.end();
    if (state.answered === true) {
      const isPartial = client.text.includes("half");
      origin.peers[0]?.write(isPartial ? "whole." : answer("whole."));
      assert.match(await client.seeClose(), /whole\.$/);
    }
    await expectLines(rig, state.afterFin);
    await client.seeClose();
    assert.equal(client.wasReset, false);
    await until(() => rig.connectionsActive === 0, "the connection is forgotten");
    await rig.close();
  });
}

for (const how of ["reset", "end"] as const) {
  test(`HttpConnection gives up dialling when the client is gone: ${how}`, async (t) => {
    const stalled = await stalledPort(t);
    const rig = await Rig.open(t, { http: [`127.0.0.1:${stalled}`] });
    const client = await rig.client();
    client.write(
      request(how === "end" ? "POST" : "GET", "/", how === "end" ? ["Content-Length: 1"] : []),
    );
    await until(() => rig.upstreamActive === 1, "dialling");
    client[how]();
    const line = await rig.line();
    assert.equal(line["failure"], "client-closed");
    await until(() => rig.upstreamActive === 0, "the dial is cancelled");
    await rig.close();
  });
}

test("HttpConnection notices a client that resets while it sends ahead of a dial", async (t) => {
  const stalled = await stalledPort(t);
  const rig = await Rig.open(t, { http: [`127.0.0.1:${stalled}`] });
  const client = await rig.client();
  client.write(`${request("POST", "/", ["Content-Length: 1000000"])}${"x".repeat(30_000)}`);
  await until(() => rig.upstreamActive === 1, "dialling");
  client.reset();
  assert.equal((await rig.line())["failure"], "client-closed");
  await until(() => rig.upstreamActive === 0, "the dial is cancelled");
  await rig.close();
});

async function reach(
  context: TestContext,
  state: State,
): Promise<{ rig: Rig; origin: Origin; client: Peer }> {
  const rig = await Rig.create(context);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  await until(() => rig.connectionsActive === 1, "accepted");
  await state.reach(client, origin);
  return { rig, origin, client };
}

async function expectLines(rig: Rig, kinds: readonly string[]): Promise<void> {
  const lines: readonly Line[] = await rig.log(kinds.length);
  assert.deepEqual(
    lines.map((line) => line["failure"] ?? "served"),
    kinds,
  );
  const failed = kinds.filter((kind) => kind !== "served");
  assert.deepEqual(rig.failureCounts, Object.fromEntries(failed.map((kind) => [kind, 1])));
}
