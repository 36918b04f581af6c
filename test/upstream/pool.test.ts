/** Limits, waiting and handing over, with one worker and with two that share their counts. */
import assert from "node:assert/strict";
import { type TestContext, describe, test } from "node:test";
import { clearSignals } from "../../src/core/pool-signals.ts";
import type { Endpoint, PoolPolicy, Service } from "../../src/core/service.ts";
import { clearCounts } from "../../src/core/shared-counts.ts";
import type { UpstreamConnection } from "../../src/upstream/connection.ts";
import { ServiceState } from "../../src/upstream/service-state.ts";
import type { UpstreamRequest, Waiting } from "../../src/upstream/waiting-line.ts";
import { PLAIN_SERVICE } from "../fixtures/service.ts";
import { EndpointServer } from "./endpoint-server.ts";
import {
  ACTIVE_SLOT,
  CONNECT_MS,
  CONNECT_SLOT,
  RecordingUser,
  type TestContextOfWorker,
  type TestWorkers,
  createContext,
  createWorkers,
} from "./fixtures.ts";

const LIMIT = { timeout: 20_000 };

function service(pool: Partial<PoolPolicy>): Service {
  return {
    name: "web",
    sources: [],
    ...PLAIN_SERVICE,
    timeouts: { connectMs: CONNECT_MS, responseMs: 60_000, idleMs: 60_000 },
    pool: { ...PLAIN_SERVICE.pool, ...pool },
    slots: { upstreamActive: ACTIVE_SLOT, connectSeconds: CONNECT_SLOT, retries: 0 },
  };
}

/** One worker of a test. */
interface Worker {
  readonly context: TestContextOfWorker;
  readonly state: ServiceState;
}

interface Running {
  readonly shared: TestWorkers;
  readonly one: Worker;
  readonly two: Worker;
  readonly endpoint: Endpoint;
  readonly server: EndpointServer;
}

/** Two workers, of which a test may let one lie. */
async function run(t: TestContext, pool: Partial<PoolPolicy>): Promise<Running> {
  const shared = createWorkers(2);
  const server = await EndpointServer.start(t);
  const { endpoint } = server;
  const [one, two] = [0, 1].map((index): Worker => {
    const context = createContext(shared, index);
    const state = new ServiceState(context, service(pool), index);
    state.setEndpoints([endpoint]);
    t.after(() => state.close());
    return { context, state };
  });
  assert.ok(one && two);
  return { shared, one, two, endpoint, server };
}

/** A connection that is there. */
async function connect(t: TestContext, { state }: Worker, endpoint: Endpoint) {
  const user = new RecordingUser();
  const connection = state.dial({ endpoint, isHttp: true }, user);
  assert.ok(connection !== undefined, "a limit is reached");
  t.after(() => connection.destroy());
  await user.until("connect");
  return connection;
}

function isFull({ state }: Worker, endpoint: Endpoint): boolean {
  return state.dial({ endpoint, isHttp: true }, new RecordingUser()) === undefined;
}

/** Somebody who waits. */
class Seeker extends RecordingUser {
  readonly waiting: Waiting;
  readonly endpoint: Endpoint;

  private constructor(t: TestContext, { state }: Worker, request: UpstreamRequest) {
    super();
    this.endpoint = request.endpoint;
    const waiting = state.wait(request, this);
    assert.ok(!("kind" in waiting), "the line is full");
    this.waiting = waiting;
    t.after(() => {
      waiting.leave();
      this.granted?.destroy();
    });
  }

  /** Begins to wait. */
  static begin(t: TestContext, worker: Worker, endpoint: Endpoint): Seeker {
    return new Seeker(t, worker, { endpoint, isHttp: true });
  }

  /** As a tunnel does. */
  static tunnel(t: TestContext, worker: Worker, endpoint: Endpoint): Seeker {
    return new Seeker(t, worker, { endpoint, isHttp: false });
  }

  async grant(): Promise<UpstreamConnection> {
    await this.until("granted");
    assert.ok(this.granted);
    return this.granted;
  }
}

/** Why it waits no longer. */
function reasonOf({ failure }: Seeker): string | undefined {
  return failure?.kind;
}

const overflow = (pool: string): string => `web: none was free within ${CONNECT_MS} ms, ${pool}`;

describe("Pool", () => {
  test("connections of all workers count, and what is closed makes room", LIMIT, async (t) => {
    const { one, two, endpoint } = await run(t, { connectionsMax: 2 });
    const first = await connect(t, one, endpoint);
    const second = await connect(t, two, endpoint);
    assert.deepEqual([isFull(one, endpoint), isFull(two, endpoint)], [true, true]);
    first.destroy();
    first.destroy();
    assert.deepEqual([isFull(two, endpoint), isFull(one, endpoint)], [false, true]);
    second.destroy();
  });

  test("connections that are never made count back", LIMIT, async (t) => {
    const { one, endpoint, server } = await run(t, { connectionsMax: 1 });
    await server.close();
    for (let i = 0; i < 3; i += 1) {
      const user = new RecordingUser();
      assert.ok(one.state.dial({ endpoint, isHttp: true }, user), `dial ${i}`);
      await user.until("close");
      assert.equal(user.failure?.kind, "connect-refused");
    }
  });

  test("a released connection goes to whoever waits, ready to be used", LIMIT, async (t) => {
    const { one, endpoint, server } = await run(t, { connectionsMax: 1 });
    const connection = await connect(t, one, endpoint);
    const [first, second] = [Seeker.begin(t, one, endpoint), Seeker.begin(t, one, endpoint)];
    one.state.release(connection);
    assert.equal(first.granted, connection);
    assert.deepEqual([first.granted?.usable, second.granted], [true, undefined]);
    assert.equal(one.state.takeIdle(endpoint, new RecordingUser()), undefined);
    (await server.accept()).write("answer");
    await first.until("data");
    connection.destroy();
    const made = await second.grant();
    assert.equal(made.usable, false);
    await second.until("connect");
  });

  test("a tunnel that waits gets a connection of its own", LIMIT, async (t) => {
    const { one, endpoint } = await run(t, { connectionsMax: 1 });
    const connection = await connect(t, one, endpoint);
    const seeker = Seeker.tunnel(t, one, endpoint);
    one.state.release(connection);
    assert.notEqual(await seeker.grant(), connection);
    await seeker.until("connect");
  });

  test(
    "who waits in another worker gets what is closed here, and is told at once",
    LIMIT,
    async (t) => {
      const { one, two, endpoint } = await run(t, { connectionsMax: 1 });
      const connection = await connect(t, one, endpoint);
      const seeker = Seeker.begin(t, two, endpoint);
      connection.destroy();
      await seeker.grant();
      await seeker.until("connect");
      assert.equal(isFull(one, endpoint), true);
    },
  );

  test("what is released here is closed when only others wait", LIMIT, async (t) => {
    const { one, two, endpoint } = await run(t, { connectionsMax: 1 });
    const connection = await connect(t, one, endpoint);
    const seeker = Seeker.begin(t, two, endpoint);
    one.state.release(connection);
    assert.equal(connection.socket.destroyed, true);
    await seeker.grant();
  });

  test("what lies idle in another worker is given up", LIMIT, async (t) => {
    const { one, two, endpoint } = await run(t, { connectionsMax: 2 });
    const connections = [await connect(t, one, endpoint), await connect(t, one, endpoint)];
    for (const connection of connections) one.state.release(connection);
    assert.equal(isFull(two, endpoint), true);
    const seeker = Seeker.begin(t, two, endpoint);
    await seeker.grant();
    // As many as are wanted: the one that was idle for longest.
    assert.deepEqual(
      connections.map(({ socket }) => socket.destroyed),
      [true, false],
    );
  });

  test("workers that all have somebody waiting take turns", LIMIT, async (t) => {
    const { one, two, endpoint } = await run(t, { connectionsMax: 1 });
    const connection = await connect(t, one, endpoint);
    const here = [Seeker.begin(t, one, endpoint), Seeker.begin(t, one, endpoint)];
    const there = Seeker.begin(t, two, endpoint);
    one.state.release(connection);
    assert.equal(here[0]?.granted, connection, "the first turn is its own");
    one.state.release(connection);
    assert.equal(connection.socket.destroyed, true, "the second is the others'");
    const [winner] = await Promise.race([
      there.grant().then((made) => [made]),
      here[1]?.grant().then((made) => [made]) ?? [],
    ]);
    winner?.destroy();
    await Promise.all([there.grant(), here[1]?.grant()]);
  });

  test("they take turns at a single endpoint too", LIMIT, async (t) => {
    const { one, two, endpoint } = await run(t, { endpointConnectionsMax: 1 });
    const connection = await connect(t, one, endpoint);
    const here = [Seeker.begin(t, one, endpoint), Seeker.begin(t, one, endpoint)];
    const there = Seeker.begin(t, two, endpoint);
    one.state.release(connection);
    assert.equal(here[0]?.granted, connection, "the first turn is its own");
    one.state.release(connection);
    assert.equal(connection.socket.destroyed, true, "the second is the others'");
    await there.grant();
  });

  test("what is idle stays when those who wait want to go to a full endpoint", LIMIT, async (t) => {
    const { one, two, endpoint } = await run(t, { endpointConnectionsMax: 1 });
    const other = (await EndpointServer.start(t)).endpoint;
    for (const { state } of [one, two]) state.setEndpoints([endpoint, other]);
    const connection = await connect(t, one, endpoint);
    await connect(t, two, other);
    assert.equal(isFull(one, other), true);
    const seeker = Seeker.begin(t, one, other);
    one.state.release(connection);
    assert.equal(connection.usable, true);
    two.context.pass(200);
    const there = Seeker.begin(t, two, endpoint);
    await there.grant();
    assert.deepEqual([connection.socket.destroyed, seeker.granted], [true, undefined]);
  });

  test("the line is as long as pool.pending says, over all workers", LIMIT, async (t) => {
    const { one, two, endpoint } = await run(t, { connectionsMax: 1, pendingMax: 2 });
    await connect(t, one, endpoint);
    const first = Seeker.begin(t, one, endpoint);
    Seeker.begin(t, two, endpoint);
    const full = { kind: "overflow", detail: "web: pool.pending is 2" };
    const request = { endpoint, isHttp: true };
    assert.deepEqual(one.state.wait(request, new RecordingUser()), full);
    first.waiting.leave();
    first.waiting.leave();
    Seeker.begin(t, two, endpoint);
    assert.deepEqual(one.state.wait(request, new RecordingUser()), full);
  });

  test("pool.pending = 0 lets nobody wait", LIMIT, async (t) => {
    const { one, endpoint } = await run(t, { connectionsMax: 1, pendingMax: 0 });
    const refused = one.state.wait({ endpoint, isHttp: true }, new RecordingUser());
    assert.deepEqual(refused, { kind: "overflow", detail: "web: pool.pending is 0" });
  });

  test("nobody waits for longer than the connect time limit", LIMIT, async (t) => {
    const { one, two, endpoint } = await run(t, { connectionsMax: 1, endpointConnectionsMax: 5 });
    const connection = await connect(t, one, endpoint);
    const seeker = Seeker.begin(t, one, endpoint);
    one.context.pass(CONNECT_MS);
    assert.equal(seeker.failure, undefined);
    one.context.pass(200);
    assert.deepEqual(seeker.failure, {
      kind: "overflow",
      detail: overflow("pool.connections is 1, pool.endpoint_connections is 5"),
    });
    one.state.release(connection);
    assert.equal(seeker.granted, undefined);
    assert.equal(two.context.pools.othersWait, false);
  });

  test("who stops waiting is passed over and counts no more", LIMIT, async (t) => {
    const { one, two, endpoint } = await run(t, { connectionsMax: 1 });
    const connection = await connect(t, one, endpoint);
    const [first, second] = [Seeker.begin(t, one, endpoint), Seeker.begin(t, one, endpoint)];
    assert.equal(two.context.pools.othersWait, true);
    first.waiting.leave();
    one.state.release(connection);
    assert.deepEqual([first.granted, second.granted], [undefined, connection]);
    assert.equal(two.context.pools.othersWait, false);
    assert.deepEqual(first.told, []);
  });

  test("an idle connection to another endpoint makes room, the oldest first", LIMIT, async (t) => {
    const { one, endpoint } = await run(t, { connectionsMax: 2 });
    const other = (await EndpointServer.start(t)).endpoint;
    one.state.setEndpoints([endpoint, other]);
    const old = await connect(t, one, endpoint);
    const young = await connect(t, one, endpoint);
    one.state.release(old);
    one.context.pass(1000);
    one.state.release(young);
    await connect(t, one, other);
    assert.deepEqual([old.socket.destroyed, young.usable], [true, true]);
    await connect(t, one, other);
    assert.equal(young.socket.destroyed, true);
    assert.equal(isFull(one, other), true);
  });

  test("pool.endpoint_connections: another endpoint is asked, then one waits", LIMIT, async (t) => {
    const { one, two, endpoint } = await run(t, { endpointConnectionsMax: 1 });
    const other = (await EndpointServer.start(t)).endpoint;
    for (const { state } of [one, two]) state.setEndpoints([endpoint, other]);
    const connection = await connect(t, two, endpoint);
    for (let i = 0; i < 3; i += 1) assert.equal(one.state.pick([])?.name, other.name);
    assert.equal(isFull(one, endpoint), true);
    await connect(t, one, other);
    assert.notEqual(one.state.pick([]), undefined);
    const seeker = Seeker.begin(t, one, endpoint);
    const beyond = Seeker.begin(t, one, other);
    connection.destroy();
    await seeker.grant();
    assert.equal(beyond.granted, undefined);
  });

  test(
    "a connection goes first to whoever waits for its endpoint, but nobody is left behind",
    LIMIT,
    async (t) => {
      const { one, endpoint } = await run(t, { connectionsMax: 2 });
      const other = (await EndpointServer.start(t)).endpoint;
      one.state.setEndpoints([endpoint, other]);
      const [here, there] = [await connect(t, one, endpoint), await connect(t, one, other)];
      const first = Seeker.begin(t, one, other);
      const second = Seeker.begin(t, one, endpoint);
      one.state.release(here);
      assert.deepEqual(
        [first.granted, second.granted],
        [undefined, here],
        "its endpoint is theirs",
      );
      const third = Seeker.begin(t, one, endpoint);
      one.context.pass(CONNECT_MS / 2 + 100);
      one.state.release(here);
      assert.equal(here.socket.destroyed, true, "the first has waited for long");
      await first.grant();
      assert.equal(third.granted, undefined);
      there.destroy();
      await third.grant();
    },
  );

  test("who waits for an endpoint without connections takes the first place", LIMIT, async (t) => {
    const { one, endpoint } = await run(t, { connectionsMax: 1 });
    const other = (await EndpointServer.start(t)).endpoint;
    one.state.setEndpoints([endpoint, other]);
    const connection = await connect(t, one, endpoint);
    const first = Seeker.begin(t, one, other);
    Seeker.begin(t, one, endpoint);
    one.state.release(connection);
    assert.equal((await first.grant()).endpoint.name, other.name);
  });

  test("pool.requests_per_connection closes a connection after so many", LIMIT, async (t) => {
    const { one, endpoint } = await run(t, { requestsPerConnectionMax: 2 });
    const connection = await connect(t, one, endpoint);
    one.state.release(connection);
    assert.equal(one.state.takeIdle(endpoint, new RecordingUser()), connection);
    one.state.release(connection);
    assert.equal(connection.socket.destroyed, true);
  });

  test(
    "a lower limit closes what is idle, and what is busy after its request",
    LIMIT,
    async (t) => {
      const { one, endpoint } = await run(t, { connectionsMax: 4 });
      const [idle, busy, last] = [
        await connect(t, one, endpoint),
        await connect(t, one, endpoint),
        await connect(t, one, endpoint),
      ];
      one.state.release(idle);
      one.state.update(service({ connectionsMax: 1 }));
      assert.deepEqual([idle.socket.destroyed, busy.usable], [true, true]);
      one.state.release(busy);
      assert.equal(busy.socket.destroyed, true);
      one.state.release(last);
      assert.equal(one.state.takeIdle(endpoint, new RecordingUser()), last);
    },
  );

  test("a higher limit lets in who waits", LIMIT, async (t) => {
    const { one, endpoint } = await run(t, { connectionsMax: 1 });
    await connect(t, one, endpoint);
    const seeker = Seeker.begin(t, one, endpoint);
    one.state.update(service({ connectionsMax: 2 }));
    assert.ok(seeker.granted);
  });

  test("connections made by other rules are not used again", LIMIT, async (t) => {
    const { one, endpoint } = await run(t, {});
    const [idle, busy] = [await connect(t, one, endpoint), await connect(t, one, endpoint)];
    one.state.release(idle);
    const tls = { serverName: "a.test", insecure: false } as const;
    const secured = { ca: undefined, certificate: undefined, privateKey: undefined, ...tls };
    one.state.update({ ...service({}), tls: secured });
    assert.deepEqual([idle.socket.destroyed, busy.usable], [true, true]);
    one.state.release(busy);
    assert.equal(busy.socket.destroyed, true);
  });

  test("who waits for an endpoint that is gone or out is told so at once", LIMIT, async (t) => {
    const { one, two, endpoint } = await run(t, { connectionsMax: 1, pendingMax: 2 });
    const other = { ...endpoint, name: "other" };
    one.state.setEndpoints([endpoint, other]);
    const connection = await connect(t, one, endpoint);
    const gone = Seeker.begin(t, one, other);
    const here = Seeker.begin(t, one, endpoint);
    one.state.setEndpoints([endpoint]);
    assert.deepEqual(gone.failure, { kind: "no-endpoint", detail: "other is gone or out" });
    assert.equal(reasonOf(here), undefined);
    one.state.setHealth({ [endpoint.name]: { state: "ejected", sinceMs: 0 } });
    assert.equal(reasonOf(here), undefined, "panic may use it");
    one.state.setHealth({ [endpoint.name]: { state: "out", sinceMs: 0 } });
    assert.equal(reasonOf(here), "no-endpoint");
    // Their places in the line are free again.
    const last = Seeker.begin(t, two, endpoint);
    two.state.close();
    assert.equal(last.failure, undefined, "a service that is taken away serves who waits");
    connection.destroy();
    await last.grant();
  });

  test("a worker that dies leaves its places to those who wait", LIMIT, async (t) => {
    const { shared, one, two, endpoint } = await run(t, { connectionsMax: 1 });
    await connect(t, one, endpoint);
    // It waits, and does nothing any more.
    one.context.pools.enter({
      serve: () => undefined,
      onFreed: () => undefined,
      giveUpIdle: () => undefined,
    });
    const seeker = Seeker.begin(t, two, endpoint);
    clearCounts(shared.counts, 0);
    clearSignals(shared.signals, 0);
    await seeker.grant();
    assert.equal(two.context.pools.othersWait, false);
  });

  test("takeRetry() counts over all workers", LIMIT, async (t) => {
    const { one, two } = await run(t, { retriesMax: 1 });
    assert.deepEqual([one.state.takeRetry(), two.state.takeRetry()], [true, false]);
    one.state.giveRetry();
    assert.equal(two.state.takeRetry(), true);
  });

  test("one kept alive is used and released without a look at what is shared", LIMIT, async (t) => {
    const { shared, one, endpoint } = await run(t, { connectionsMax: 1 });
    const connection = await connect(t, one, endpoint);
    // Were anything counted now, the limit would be broken.
    clearCounts(shared.counts, 0);
    const before = Buffer.from(shared.counts).toString("base64");
    for (let i = 0; i < 3; i += 1) {
      one.state.release(connection);
      assert.equal(one.state.takeIdle(endpoint, new RecordingUser()), connection);
    }
    assert.equal(Buffer.from(shared.counts).toString("base64"), before);
  });
});
