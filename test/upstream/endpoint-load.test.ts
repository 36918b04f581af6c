/** Whoever uses an endpoint is counted once, from the dial to whatever end. */
import assert from "node:assert/strict";
import { type TestContext, describe, test } from "node:test";
import type { EndpointLoad } from "../../src/core/balance/candidate.ts";
import type { Endpoint } from "../../src/core/service.ts";
import { UpstreamConnection } from "../../src/upstream/connection.ts";
import { findFreePort } from "../processes.ts";
import { stalledPort } from "../proxy/stalled-listener.ts";
import { EndpointServer } from "./endpoint-server.ts";
import { CONNECT_MS, RecordingUser, closed, createContext, dialOptions } from "./fixtures.ts";

const LIMIT = { timeout: 20_000 };

interface Counted {
  readonly connection: UpstreamConnection;
  readonly user: RecordingUser;
  readonly load: EndpointLoad;
  readonly pass: (milliseconds: number) => void;
}

/** A connection to an endpoint that nothing else leads to. */
function dial(endpoint: Endpoint): Counted {
  const context = createContext();
  const load: EndpointLoad = { active: 0 };
  const user = new RecordingUser();
  const options = { ...dialOptions(endpoint), loadOf: () => load };
  const connection = new UpstreamConnection(context, options, user);
  return { connection, user, load, pass: context.pass };
}

async function connected(t: TestContext): Promise<Counted & { readonly server: EndpointServer }> {
  const server = await EndpointServer.start(t);
  const counted = dial(server.endpoint);
  t.after(() => counted.connection.destroy());
  await counted.user.until("connect");
  assert.equal(counted.load.active, 1);
  return { ...counted, server };
}

async function refusedEndpoint(): Promise<Endpoint> {
  const port = await findFreePort();
  return { host: "127.0.0.1", port, weight: 1, name: `127.0.0.1:${port}` };
}

describe("UpstreamConnection counts its endpoint as in use", () => {
  test("from the dial on, and not after one that fails", LIMIT, async () => {
    const { user, load } = dial(await refusedEndpoint());
    assert.equal(load.active, 1);
    await user.until("close");
    assert.equal(load.active, 0);
  });

  test("not after a dial that was given up or took too long", LIMIT, async (t) => {
    const server = await EndpointServer.start(t);
    const given = dial(server.endpoint);
    given.connection.destroy();
    assert.equal(given.load.active, 0);
    given.connection.destroy();
    const slow = dial(server.endpoint);
    slow.pass(CONNECT_MS + 1000);
    await slow.user.until("close");
    assert.equal(slow.load.active, 0);
  });

  test("not while it is idle, and once however often it is taken", LIMIT, async (t) => {
    const { connection, load } = await connected(t);
    for (let i = 0; i < 3; i += 1) {
      connection.user = undefined;
      assert.equal(load.active, 0);
      connection.user = undefined;
      connection.user = new RecordingUser();
      connection.user = new RecordingUser();
      assert.equal(load.active, 1);
    }
  });

  test("no more once it is destroyed, reset, or closed by the other side", LIMIT, async (t) => {
    const destroyed = await connected(t);
    destroyed.connection.destroy();
    destroyed.connection.destroy();
    destroyed.connection.reset();
    assert.equal(destroyed.load.active, 0);
    const reset = await connected(t);
    const gone = closed(reset.connection);
    reset.connection.reset();
    assert.equal(reset.load.active, 0);
    await gone;
    assert.equal(reset.load.active, 0);
    const left = await connected(t);
    (await left.server.accept()).resetAndDestroy();
    await left.user.until("close");
    assert.equal(left.load.active, 0);
  });

  test("after the other side's FIN until it is closed", LIMIT, async (t) => {
    const { connection, load, user, server } = await connected(t);
    const far = await server.accept();
    far.end();
    await user.until("end");
    assert.equal(load.active, 1);
    connection.socket.end();
    await closed(connection);
    assert.equal(load.active, 0);
  });

  test("moves the count to the sibling that wins the race", LIMIT, async (t) => {
    const server = await EndpointServer.start(t);
    const loads = new Map<string, EndpointLoad>();
    const loadOf = ({ name }: Endpoint): EndpointLoad => {
      const load = loads.get(name) ?? { active: 0 };
      loads.set(name, load);
      return load;
    };
    // The end of the stalled listener is waited for with timers.
    t.after(() => t.mock.timers.reset());
    const port = await stalledPort(t);
    const first = { host: "127.0.0.1", port, weight: 1, name: "first" };
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const context = createContext();
    const user = new RecordingUser();
    const options = { ...dialOptions(first, server.endpoint), loadOf };
    const connection = new UpstreamConnection(context, options, user);
    t.after(() => connection.destroy());
    assert.equal(loads.get("first")?.active, 1);
    t.mock.timers.tick(1000);
    await user.until("connect");
    assert.equal(loads.get("first")?.active, 0);
    assert.equal(loads.get(server.endpoint.name)?.active, 1);
    connection.destroy();
    assert.equal(loads.get(server.endpoint.name)?.active, 0);
  });
});
