/** Anything in any order: whatever happens, limits hold, and in the end nothing is counted. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Endpoint, PoolPolicy, Service } from "../../src/core/service.ts";
import { SharedCounts } from "../../src/core/shared-counts.ts";
import type { UpstreamConnection } from "../../src/upstream/connection.ts";
import { PoolCounts } from "../../src/upstream/pool-counts.ts";
import { ServiceState } from "../../src/upstream/service-state.ts";
import type { Waiting } from "../../src/upstream/waiting-line.ts";
import { PLAIN_SERVICE } from "../fixtures/service.ts";
import { seededRandom } from "../core/tls/seeded-random.ts";
import { EndpointServer } from "./endpoint-server.ts";
import {
  ACTIVE_SLOT,
  CONNECT_SLOT,
  RecordingUser,
  type TestContextOfWorker,
  createContext,
  createWorkers,
} from "./fixtures.ts";

const STEPS = 1500;
const WORKERS = 2;

function service(pool: Partial<PoolPolicy>): Service {
  return {
    name: "web",
    sources: [],
    ...PLAIN_SERVICE,
    timeouts: { connectMs: 3000, responseMs: 60_000, idleMs: 2000 },
    pool: { ...PLAIN_SERVICE.pool, ...pool },
    slots: { upstreamActive: ACTIVE_SLOT, connectSeconds: CONNECT_SLOT, retries: 0 },
  };
}

/** A request: it waits, dials or holds a connection, until it is over. */
class Client extends RecordingUser {
  readonly #state: ServiceState;
  readonly #endpoint: Endpoint;
  readonly #isHttp: boolean;
  connection: UpstreamConnection | undefined;
  waiting: Waiting | undefined;
  refused = false;

  constructor(state: ServiceState, endpoint: Endpoint, isHttp: boolean) {
    super();
    this.#state = state;
    this.#endpoint = endpoint;
    this.#isHttp = isHttp;
  }

  begin(): void {
    const request = { endpoint: this.#endpoint, isHttp: this.#isHttp };
    this.connection = this.#isHttp
      ? this.#state.takeIdle(this.#endpoint, this)
      : this.#state.takeWarm(this);
    this.connection ??= this.#state.dial(request, this);
    if (this.connection !== undefined) return;
    const place = this.#state.wait(request, this);
    if ("kind" in place) this.refused = true;
    else this.waiting = place;
  }

  override onUpstreamGranted(connection: UpstreamConnection): void {
    this.granted = connection;
    this.waiting = undefined;
    this.connection = connection;
  }

  override onUpstreamClose(): void {
    this.waiting = undefined;
    this.connection = undefined;
  }

  get isOver(): boolean {
    return this.connection === undefined && this.waiting === undefined;
  }

  /** As an exchange ends: well, or not. */
  end(isGood: boolean): void {
    const { connection } = this;
    this.waiting?.leave();
    this.waiting = undefined;
    this.connection = undefined;
    if (isGood && this.#isHttp && connection?.usable === true) this.#state.release(connection);
    else connection?.destroy();
  }
}

async function run(t: TestContext, seed: number): Promise<void> {
  const below = seededRandom(seed);
  const shared = createWorkers(WORKERS);
  const contexts: TestContextOfWorker[] = [];
  const states: ServiceState[] = [];
  const policy = { connectionsMax: 4, pendingMax: 5, warm: 1 };
  for (let index = 0; index < WORKERS; index += 1) {
    const context = createContext(shared, index);
    contexts.push(context);
    states.push(new ServiceState(context, service(policy), index));
  }
  const servers = [await EndpointServer.start(t), await EndpointServer.start(t)];
  const gone = await EndpointServer.start(t);
  const endpoints = [...servers.map(({ endpoint }) => endpoint), gone.endpoint];
  await gone.close();
  for (const state of states) state.setEndpoints(endpoints);
  const counts = new PoolCounts(
    new SharedCounts(shared.counts, { index: 0, workers: WORKERS, seed: "" }),
    "web",
  );
  let clients: Client[] = [];
  const seen = { granted: 0, refused: 0 };
  let limit = policy.connectionsMax;
  /** More than the limit only as long as what was open when it was lowered has not ended. */
  let allowed = limit;
  for (let step = 0; step < STEPS; step += 1) {
    const action = below(20);
    const client = clients[below(Math.max(1, clients.length))];
    const state = states[below(WORKERS)];
    if (action < 8 && clients.length < 20) {
      const endpoint = endpoints[below(endpoints.length)];
      assert.ok(state && endpoint);
      const fresh = new Client(state, endpoint, below(10) < 7);
      fresh.begin();
      clients.push(fresh);
    } else if (action < 14) client?.end(below(10) < 8);
    else if (action === 14) contexts[below(WORKERS)]?.pass(below(2500));
    else if (action === 15) {
      limit = 1 + below(6);
      const changed = { ...policy, connectionsMax: limit, pendingMax: below(6) };
      const more = below(10) < 3 ? { endpointConnectionsMax: 1 + below(3) } : {};
      allowed = Math.max(limit, counts.open);
      for (const each of states) each.update(service({ ...changed, ...more }));
    } else if (action === 16) state?.setEndpoints(endpoints.slice(below(2)));
    else await turn();
    for (const each of clients.filter(({ isOver }) => isOver)) {
      seen.granted += Number(each.granted !== undefined);
      seen.refused += Number(each.refused);
    }
    clients = clients.filter(({ isOver }) => !isOver);
    allowed = Math.min(allowed, Math.max(limit, counts.open));
    assert.ok(counts.open <= allowed, `${counts.open} are open, ${allowed} are allowed`);
    assert.ok(counts.queued() <= 5, `${counts.queued()} wait`);
  }
  assert.ok(
    Object.values(seen).every((count) => count > 0),
    JSON.stringify(seen),
  );
  for (const state of states) state.update(service({ ...policy, warm: 0 }));
  for (const client of clients) client.end(below(10) < 5);
  for (const state of states) state.close();
  while (contexts.some(({ slots }) => slots[ACTIVE_SLOT] !== 0)) await turn();
  assert.deepEqual([counts.open, counts.queued(), counts.takeRetry(1)], [0, 0, true]);
  for (const { name } of endpoints) {
    assert.deepEqual([counts.openTo(name), counts.queued(name)], [0, 0]);
  }
  for (const { pools, deadlines } of contexts) {
    assert.equal(pools.othersWait, false);
    assert.equal(deadlines.size, 0);
  }
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(
    `Pool loses no place in ${STEPS} random steps, seed ${seed}`,
    { timeout: 60_000 },
    async (t) => run(t, seed),
  );
}
