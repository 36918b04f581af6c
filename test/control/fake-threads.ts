/** Worker threads that do nothing but what a test tells them, for the control plane's side of the talk. */
import type { TestContext } from "node:test";
import { BroadcastChannel } from "node:worker_threads";
import { checkConfig } from "../../src/config/check.ts";
import { Supervisor } from "../../src/control/supervisor.ts";
import { MetricLayout } from "../../src/core/metric-layout.ts";
import type { Snapshot } from "../../src/core/model.ts";
import type { FromWorker, ToWorker } from "../../src/core/messages.ts";
import type { Logger } from "../../src/telemetry/log.ts";
import type { LineOutput } from "../../src/telemetry/stdout.ts";
import { until } from "../proxy/peer.ts";

/** What a thread got, without what is large. */
export interface Received {
  readonly index: number;
  readonly thread: number;
  readonly type: ToWorker["type"] | "started";
  readonly version: number | undefined;
  /** Of an `endpoints` message, and of a `prepare` all services together: the names of the endpoints. */
  readonly endpoints: readonly string[];
  /** Of a `health` message, and of a `prepare` all services together: `endpoint state`. */
  readonly health: readonly string[];
  /** How many requests wait for connections then, in all workers; see pool-signals.ts. */
  readonly waiting: number;
}

/** What a test may have a thread do. */
type Command =
  | { readonly do: "post"; readonly message: FromWorker }
  | { readonly do: "die" }
  | { readonly do: "hang" }
  /** One of its requests waits for a connection. */
  | { readonly do: "wait" }
  | { readonly do: "count"; readonly slot: number; readonly value: number };

/** Takes the larger memory over at the commit, as the real one does. */
const script = (channel: string): string => `
const { parentPort, workerData, threadId, BroadcastChannel } = require("node:worker_threads");
const WAITING = 2;
const ROWS = 3;
const signals = new Int32Array(workerData.signals);
const channel = new BroadcastChannel(${JSON.stringify(channel)});
let counters = new Float64Array(0);
let prepared;
const tell = (type, version, endpoints = [], health = []) =>
  channel.postMessage({
    index: workerData.index, thread: threadId, type, version, endpoints, health,
    waiting: Atomics.load(signals, WAITING),
  });
channel.onmessage = ({ data }) => {
  if (data.thread !== threadId) return;
  if (data.do === "die") throw new Error("told to");
  if (data.do === "hang") for (;;);
  if (data.do === "wait") {
    Atomics.add(signals, ROWS + workerData.index, 1);
    Atomics.add(signals, WAITING, 1);
    tell("started");
  }
  if (data.do === "post") parentPort.postMessage(data.message);
  if (data.do === "count") counters[data.slot] += data.value;
};
const states = ({ type, health = {} }) =>
  (type === "prepare" ? Object.values(health) : [health])
    .flatMap((table) => Object.entries(table).map(([name, { state }]) => name + " " + state));
parentPort.on("message", (message) => {
  if (message.type === "prepare") prepared = message.counters;
  if (message.type === "commit") {
    const next = new Float64Array(prepared);
    next.set(counters);
    counters = next;
  }
  const sets = Array.isArray(message.endpoints) ? [message.endpoints] : Object.values(message.endpoints ?? {});
  tell(message.type, message.version ?? message.snapshot?.version, sets.flat().map(({ name }) => name), states(message));
});
tell("started");
`;

/** The threads of one test, with all that they got. */
export class FakeThreads {
  readonly received: Received[] = [];
  /** The source to start them from. */
  readonly source: string;
  /** Messages of these types are not answered by themselves. */
  readonly silent = new Set<ToWorker["type"]>();
  readonly #channel: BroadcastChannel;

  constructor(context: TestContext) {
    const name = crypto.randomUUID();
    this.source = script(name);
    this.#channel = new BroadcastChannel(name);
    this.#channel.addEventListener("message", (event) =>
      this.#onMessage((event as unknown as { readonly data: Received }).data),
    );
    context.after(() => this.#channel.close());
  }

  /** What the worker with this number does; its newest thread. */
  tell(index: number, command: Command): void {
    this.#channel.postMessage({ thread: this.#newest(index), ...command });
  }

  /** Waits until the worker with this number has got so many messages of the type. */
  async got(type: Received["type"], index: number, times = 1): Promise<void> {
    await until(() => this.count(type, index) >= times, `worker ${index} got ${type}`);
  }

  count(type: Received["type"], index: number): number {
    return this.received.filter((each) => each.type === type && each.index === index).length;
  }

  /** The last one of the type, whoever got it. */
  last(type: Received["type"]): Received | undefined {
    return this.received.findLast((each) => each.type === type);
  }

  #newest(index: number): number {
    const isStart = (each: Received): boolean => each.type === "started" && each.index === index;
    return this.received.findLast(isStart)?.thread ?? -1;
  }

  #onMessage(message: Received): void {
    this.received.push(message);
    const { type, thread, version = 0 } = message;
    if (type === "started" || this.silent.has(type)) return;
    const answer = answerTo(type, version);
    if (answer !== undefined) this.#channel.postMessage({ thread, do: "post", message: answer });
  }
}

/** A supervisor over fake threads, with all that it says kept. */
export class FakeWorkers {
  readonly layout = new MetricLayout();
  readonly threads: FakeThreads;
  readonly logged: string[] = [];
  readonly stdout: string[] = [];
  readonly supervisor: Supervisor;

  constructor(context: TestContext, count: number) {
    this.threads = new FakeThreads(context);
    this.supervisor = new Supervisor({
      workerSource: this.threads.source,
      layout: this.layout,
      log: keepLog(this.logged),
      stdout: keepLines(this.stdout),
      endpoints: () => ({}),
      health: () => ({}),
      outcomes: () => undefined,
      died: () => undefined,
      changed: () => undefined,
    });
    context.after(() => this.supervisor.terminate());
    this.supervisor.start(count);
  }
}

function answerTo(type: ToWorker["type"], version: number): FromWorker | undefined {
  if (type === "prepare") return { type: "prepared", version, problems: [] };
  if (type === "commit") return { type: "committed", version };
  return type === "drain" ? { type: "drained" } : undefined;
}

/** A logger that keeps the messages. */
export function keepLog(messages: string[]): Logger {
  const note = (message: string): void => void messages.push(message);
  return { debug: note, info: note, warning: note, error: note, reconfigure: () => undefined };
}

/** An output that keeps the lines. */
export function keepLines(lines: string[]): LineOutput {
  const write = (text: string): void => void lines.push(text);
  return { write, dropped: 0, flush: () => Promise.resolve() };
}

/** A configuration of one listener and one service, compiled. */
export function compile(text: string, layout: MetricLayout, version: number): Snapshot {
  const { snapshot, findings } = checkConfig({
    text,
    file: "test.toml",
    version,
    now: "2026-01-01T00:00:00Z",
    layout,
    hash: () => "0".repeat(12),
  });
  if (snapshot === undefined) throw new Error(JSON.stringify(findings));
  return snapshot;
}

/** One gateway and one service; `more` is put behind them. */
export function configText(port = 1, endpoint = "127.0.0.1:2", more = ""): string {
  return `
[[gateway]]
name = "web"
listen = "127.0.0.1:${port}"
protocol = "http"
hosts = ["a.test"]
[[virtual_service]]
hosts = ["a.test"]
[[virtual_service.http]]
route = "web"
[service.web]
endpoints = ["${endpoint}"]
${more}
`;
}
