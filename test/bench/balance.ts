/**
 * What it costs to pick an endpoint: `node test/bench/balance.ts`. One thread, no sockets: the picker of a service as a
 * worker has it, all endpoints healthy and of one level. Prints nanoseconds a pick for 1, 100 and 10,000 endpoints of one
 * weight and of different ones, what building takes when the set changes and when only health does, and what hashing a
 * value costs. Run it on a machine that does nothing else.
 */
import { hashText } from "../../src/core/hash-text.ts";
import type { BalancerKind, Endpoint } from "../../src/core/service.ts";
import { EndpointPicker } from "../../src/upstream/endpoint-picker.ts";

const KINDS: readonly BalancerKind[] = [
  "least_request",
  "random",
  "maglev",
  "ring_hash",
  "round_robin",
];
const COUNTS = [1, 100, 10_000];
const RUNS = 7;
/** A power of two: the next one is found without a division. */
const HASHES = Int32Array.from({ length: 2 ** 14 }, (_, i) => hashText(`user-${i}`, 0));

function endpointsOf(count: number, weightOf: (i: number) => number): readonly Endpoint[] {
  return Array.from({ length: count }, (_, i) => {
    const host = `10.0.${i >> 8}.${i & 255}`;
    return { host, port: 80, weight: weightOf(i), name: `${host}:80` };
  });
}

function pickerOf(balancer: BalancerKind): EndpointPicker {
  const context = { random: Math.random, wallClock: Date.now, start: 0 };
  return new EndpointPicker(context, { balancer, panicPercent: 50, slowStartMs: 0, subsets: [] });
}

/** Nanoseconds of one pick, the best of some runs; as many requests are under way as a busy worker has. */
function measurePick(kind: BalancerKind, endpoints: readonly Endpoint[]): number {
  const picker = pickerOf(kind);
  picker.setEndpoints(endpoints);
  const underWay: Endpoint[] = [];
  for (let i = 0; i < 64; i += 1) {
    const picked = picker.pick([], undefined, HASHES[i]);
    if (picked === undefined) throw new Error("nothing was picked");
    picker.loadOf(picked).active += 1;
    underWay.push(picked);
  }
  const rounds = kind === "round_robin" && endpoints.length > 1000 ? 20_000 : 1_000_000;
  let best = Number.POSITIVE_INFINITY;
  let missed = 0;
  const tried: Endpoint[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < rounds; i += 1) {
      if (picker.pick(tried, undefined, HASHES[i & (HASHES.length - 1)]) === undefined) missed += 1;
    }
    best = Math.min(best, Number(process.hrtime.bigint() - start) / rounds);
  }
  if (missed > 0 || underWay.length === 0) throw new Error("nothing was picked");
  return best;
}

/** Bytes that a pick allocates, over many. */
function measureAllocation(kind: BalancerKind, endpoints: readonly Endpoint[]): number {
  const picker = pickerOf(kind);
  picker.setEndpoints(endpoints);
  const tried: Endpoint[] = [];
  const rounds = 200_000;
  const pickAll = (): void => {
    for (let i = 0; i < rounds; i += 1) picker.pick(tried, undefined, HASHES[i & 8191]);
  };
  for (let i = 0; i < 5; i += 1) pickAll();
  const before = process.memoryUsage().heapUsed;
  pickAll();
  return Math.max(0, process.memoryUsage().heapUsed - before) / rounds;
}

/** Milliseconds from a new set, and from a new health, to the first pick. */
function measureBuild(
  kind: BalancerKind,
  endpoints: readonly Endpoint[],
): readonly [set: number, health: number] {
  let [set, health] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const [first] = endpoints;
  for (let run = 0; run < RUNS; run += 1) {
    const picker = pickerOf(kind);
    const start = performance.now();
    picker.setEndpoints(endpoints);
    picker.pick([], undefined, 1);
    set = Math.min(set, performance.now() - start);
    const changed = performance.now();
    picker.setHealth({ [first?.name ?? ""]: { state: "ejected", sinceMs: 0 } });
    picker.pick([], undefined, 1);
    health = Math.min(health, performance.now() - changed);
  }
  return [set, health];
}

function row(name: string, cells: readonly string[]): void {
  console.log(name.padEnd(30) + cells.map((cell) => cell.padStart(12)).join(""));
}

row(
  "ns a pick, endpoints:",
  COUNTS.map((count) => count.toLocaleString("en")),
);
for (const [words, weightOf] of [
  ["", (): number => 1],
  [", weights 1 to 10", (i: number): number => 1 + (i % 10)],
] as const) {
  for (const kind of KINDS) {
    const figures = COUNTS.map((count) => measurePick(kind, endpointsOf(count, weightOf)));
    row(
      kind + words,
      figures.map((figure) => figure.toFixed(1)),
    );
  }
}
console.log();
row("bytes a pick, 100 endpoints", []);
for (const kind of KINDS)
  row(kind, [
    measureAllocation(
      kind,
      endpointsOf(100, () => 1),
    ).toFixed(2),
  ]);
console.log();
row(
  "ms after a new set / health",
  COUNTS.map((count) => count.toLocaleString("en")),
);
for (const kind of KINDS) {
  const figures = COUNTS.map((count) =>
    measureBuild(
      kind,
      endpointsOf(count, () => 1),
    ),
  );
  row(
    kind,
    figures.map(([set, health]) => `${set.toFixed(2)} / ${health.toFixed(2)}`),
  );
}
console.log();
for (const length of [16, 128, 8192]) {
  const text = "x".repeat(length);
  let best = Number.POSITIVE_INFINITY;
  let sum = 0;
  const rounds = Math.ceil(20_000_000 / (length + 50));
  for (let run = 0; run < RUNS; run += 1) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < rounds; i += 1) sum ^= hashText(text, i);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / rounds);
  }
  row(`ns to hash ${length} characters`, [best.toFixed(1), sum === 0.5 ? "" : ""]);
}
