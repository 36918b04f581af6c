/** A worker in this process, driven by messages as the main thread would, with everything it says kept. */
import assert from "node:assert/strict";
import type { ListenOptions } from "node:net";
import type { TestContext } from "node:test";
import { checkConfig } from "../../src/config/check.ts";
import { type MetricName, MetricLayout } from "../../src/core/metric-layout.ts";
import { FAILURE_KINDS, type FailureKind, failureOffset } from "../../src/core/failure.ts";
import type { Snapshot } from "../../src/core/model.ts";
import type { EndpointSets } from "../../src/core/service.ts";
import type { FromWorker, ToWorker } from "../../src/core/messages.ts";
import { createSignalsMemory } from "../../src/core/pool-signals.ts";
import { createCountsMemory } from "../../src/core/shared-counts.ts";
import { Deadlines } from "../../src/upstream/deadlines.ts";
import { WorkerBox } from "../../src/worker/worker-box.ts";
import { Origin, Peer, until } from "./peer.ts";
import { findFreePort } from "../processes.ts";

/** Kills what a failed test leaves behind, so that the process can end. */
const AT_ONCE = { delayMs: 0, requestsMs: 0, tunnelsMs: 0 };

/** What Node warns of, such as too many listeners on one socket. */
const WARNINGS: string[] = [];
process.on("warning", ({ message }) => WARNINGS.push(message));

/** One line of the access log. */
export type Line = Readonly<Record<string, unknown>>;

/** What a test says of its configuration; the rest is the same for all. */
export interface RigOptions {
  /** Addresses of the endpoints behind the HTTP routes. */
  readonly http?: readonly string[];
  /** And behind the TLS routes. */
  readonly tls?: readonly string[];
  /** TOML lines inside both gateways. */
  readonly gateway?: string;
  /** TOML lines inside both services; endpoints take turns if it is not given. */
  readonly service?: string;
  /** TOML lines in place of the HTTP routes. */
  readonly routes?: string;
}

/** The one host that is let in. */
export const HOST = "a.test";

/** Owns a WorkerBox and everything that a test opens; `close` checks that nothing is left. */
export class Rig {
  readonly layout = new MetricLayout();
  readonly messages: FromWorker[] = [];
  readonly box: WorkerBox;
  readonly deadlines: Deadlines;
  readonly httpPort: number;
  readonly tlsPort: number;
  counters: Float64Array = new Float64Array(0);
  memory = new SharedArrayBuffer(0);
  #version = 0;
  #skippedMs = 0;
  readonly #clients: Peer[] = [];
  readonly #origins: Origin[] = [];
  readonly #handlesBefore = socketHandles();

  constructor(ports: readonly [http: number, tls: number]) {
    [this.httpPort, this.tlsPort] = ports;
    this.deadlines = new Deadlines(() => performance.now() + this.#skippedMs);
    this.box = new WorkerBox(
      {
        index: 0,
        boxId: "gatehouse-test",
        workers: 1,
        counts: createCountsMemory(1),
        signals: createSignalsMemory(1),
        descriptorsAllow: 10_000,
      },
      (message) => this.messages.push(message),
      this.deadlines,
    );
  }

  /** A worker without a snapshot. */
  static async create(context: TestContext): Promise<Rig> {
    const rig = new Rig([await findFreePort(), await findFreePort()]);
    context.after(() => rig.#abandon());
    return rig;
  }

  /** A worker that serves these endpoints. */
  static async open(context: TestContext, options: RigOptions = {}): Promise<Rig> {
    const rig = await Rig.create(context);
    await rig.load(rig.toml(options));
    return rig;
  }

  /** An endpoint; `script` is called for each of its connections. */
  async origin(script?: (peer: Peer, index: number) => void, at?: ListenOptions): Promise<Origin> {
    return this.#own(await Origin.listen(script, at));
  }

  /** An endpoint that answers each request head at once. */
  async httpOrigin(
    reply: (head: string, index: number) => string,
    at?: ListenOptions,
  ): Promise<Origin> {
    return this.#own(await Origin.answering(reply, at));
  }

  /** Loads the snapshot with these endpoints. */
  async serve(options: RigOptions): Promise<void> {
    await this.load(this.toml(options));
  }

  toml(options: RigOptions): string {
    const { http = ["127.0.0.1:1"], tls = ["127.0.0.1:1"], gateway = "" } = options;
    const { service = 'balancer = "round_robin"' } = options;
    const routes = options.routes ?? '[[virtual_service.http]]\nroute = "web"';
    return `
[[gateway]]
name = "web"
listen = "127.0.0.1:${this.httpPort}"
protocol = "http"
hosts = ["${HOST}"]
${gateway}
[[gateway]]
name = "tls"
listen = "127.0.0.1:${this.tlsPort}"
protocol = "tls"
hosts = ["${HOST}"]
${gateway}
[[virtual_service]]
hosts = ["${HOST}"]
${routes}
[[virtual_service.tls]]
route = "tls"
[service.web]
endpoints = ${JSON.stringify(http)}
${service}
[service.tls]
endpoints = ${JSON.stringify(tls)}
${service}
`;
  }

  /** Compiles as the main thread does. */
  compile(text: string): Snapshot {
    this.#version += 1;
    const { snapshot, findings } = checkConfig({
      text,
      file: "test.toml",
      version: this.#version,
      now: "2026-01-01T00:00:00Z",
      layout: this.layout,
      hash: () => "0".repeat(12),
    });
    assert.ok(snapshot, JSON.stringify(findings));
    return snapshot;
  }

  /** Tells the worker to bind; resolves to its answer. */
  async prepare(
    snapshot: Snapshot,
    slots = 4096,
  ): Promise<Extract<FromWorker, { type: "prepared" }>> {
    if (this.memory.byteLength < slots * 8) this.memory = new SharedArrayBuffer(slots * 8);
    const from = this.messages.length;
    const endpoints = endpointsOf(snapshot);
    this.send({ type: "prepare", snapshot, endpoints, health: {}, counters: this.memory });
    return this.message("prepared", from);
  }

  async commit(version: number): Promise<void> {
    const from = this.messages.length;
    this.send({ type: "commit", version });
    await this.message("committed", from);
    this.counters = new Float64Array(this.memory);
  }

  /** Both phases. */
  async load(text: string): Promise<Snapshot> {
    const snapshot = this.compile(text);
    const { problems } = await this.prepare(snapshot);
    assert.deepEqual(problems, []);
    await this.commit(snapshot.version);
    return snapshot;
  }

  /** So much time passes at once: every limit that it reaches fires before this returns. */
  skip(ms: number): void {
    this.#skippedMs += ms;
    this.deadlines.tick();
  }

  send(message: ToWorker): void {
    this.box.handle(message);
  }

  async message<T extends FromWorker["type"]>(
    type: T,
    from = 0,
  ): Promise<Extract<FromWorker, { type: T }>> {
    await until(() => this.messages.slice(from).some((each) => each.type === type), type);
    return this.messages.slice(from).find((each) => each.type === type) as Extract<
      FromWorker,
      { type: T }
    >;
  }

  async client(): Promise<Peer> {
    return this.#track(await Peer.connect(this.httpPort));
  }

  async tlsClient(): Promise<Peer> {
    return this.#track(await Peer.connect(this.tlsPort));
  }

  async clientOn(port: number): Promise<Peer> {
    return this.#track(await Peer.connect(port));
  }

  /** All lines of the access log so far. */
  get lines(): readonly Line[] {
    return this.messages
      .flatMap((message) =>
        message.type === "access-log" ? message.lines.trimEnd().split("\n") : [],
      )
      .map((line) => JSON.parse(line) as Line);
  }

  /** Exactly so many lines, once they are there. */
  async log(length: number): Promise<readonly Line[]> {
    await until(
      () => this.lines.length >= length,
      () => `${length} access-log lines: ${JSON.stringify(this.lines.slice(-5))}`,
    );
    assert.equal(this.lines.length, length, JSON.stringify(this.lines.slice(-5)));
    return this.lines;
  }

  /** The one line so far. */
  async line(): Promise<Line> {
    return (await this.log(1))[0] as Line;
  }

  /** Sum of a metric's slots over all its labels; of a failure counter, one kind. */
  metric(name: MetricName, offset?: number): number {
    let sum = 0;
    for (const block of this.layout.blocks()) {
      if (block.metric !== name) continue;
      sum += this.counters[block.slot + (offset ?? 0)] ?? 0;
    }
    return sum;
  }

  failures(kind: FailureKind): number {
    return this.metric("gatehouse_failures_total", failureOffset(kind));
  }

  /** Kinds that were counted, with their numbers. */
  get failureCounts(): Readonly<Record<string, number>> {
    const counted = FAILURE_KINDS.map((kind) => [kind, this.failures(kind)] as const);
    return Object.fromEntries(counted.filter(([, value]) => value !== 0));
  }

  get connectionsActive(): number {
    return this.metric("gatehouse_connections_active");
  }

  get upstreamActive(): number {
    return this.metric("gatehouse_upstream_connections_active");
  }

  get tunnelsActive(): number {
    return this.metric("gatehouse_tunnels_active");
  }

  /** Ends clients and the worker; fails when a gauge does not come back to 0 or a socket stays open. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    this.send({ type: "drain", settings: { delayMs: 0, requestsMs: 1000, tunnelsMs: 1000 } });
    await this.message("drained");
    for (const origin of this.#origins) await origin.close();
    await until(
      () => this.connectionsActive === 0 && this.upstreamActive === 0 && this.tunnelsActive === 0,
      () => `gauges at 0: ${this.connectionsActive} ${this.upstreamActive} ${this.tunnelsActive}`,
    );
    await until(
      () => this.deadlines.size === 0,
      () => `${this.deadlines.size} limits are watched`,
    );
    assert.deepEqual(WARNINGS, []);
    await until(
      () => socketHandles() <= this.#handlesBefore,
      () => `no socket left: ${process.getActiveResourcesInfo().join(" ")}`,
    );
  }

  async #abandon(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    for (const origin of this.#origins) await origin.close();
    this.send({ type: "drain", settings: AT_ONCE });
  }

  #own(origin: Origin): Origin {
    this.#origins.push(origin);
    return origin;
  }

  #track(client: Peer): Peer {
    this.#clients.push(client);
    return client;
  }
}

/** The sets of the services whose addresses stand in the file. */
export function endpointsOf(snapshot: Snapshot): EndpointSets {
  return Object.fromEntries(
    snapshot.services.map(({ name, sources }) => [
      name,
      sources.flatMap((source) => (source.kind === "address" ? [source.endpoint] : [])),
    ]),
  );
}

/** A request head for the host that is let in. */
export function request(method: string, path: string, fields: readonly string[] = []): string {
  return [`${method} ${path} HTTP/1.1`, `Host: ${HOST}`, ...fields, "", ""].join("\r\n");
}

/** An answer with a Content-Length. */
export function answer(body: string, fields: readonly string[] = [], status = "200 OK"): string {
  return [`HTTP/1.1 ${status}`, `Content-Length: ${body.length}`, ...fields, "", body].join("\r\n");
}

function socketHandles(): number {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP")).length;
}
