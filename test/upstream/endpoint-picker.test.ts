import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hashText } from "../../src/core/hash-text.ts";
import {
  BACKUP_PRIORITY,
  type Endpoint,
  type EndpointState,
  type EndpointTraits,
  type HealthTable,
} from "../../src/core/service.ts";
import { EndpointPicker, type PickPolicy } from "../../src/upstream/endpoint-picker.ts";
import { seededChance } from "../core/balance/fixtures.ts";
import { PLAIN_SERVICE } from "../fixtures/service.ts";

const NOW = 1_000_000;
const PICKS = 4000;

function endpoint(name: string, traits: Partial<EndpointTraits> = {}): Endpoint {
  return { host: name, port: 80, weight: 1, name, ...traits };
}

const [a, b, c] = [endpoint("a"), endpoint("b"), endpoint("c")];

/** A picker whose clock stands at NOW. */
function pickerOf(
  policy: Partial<PickPolicy> = {},
  endpoints: readonly Endpoint[] = [a, b, c],
): EndpointPicker {
  const context = { random: seededChance(3), wallClock: () => NOW, start: 0 };
  const picker = new EndpointPicker(context, { ...PLAIN_SERVICE, ...policy });
  picker.setEndpoints(endpoints);
  return picker;
}

function next(picker: EndpointPicker, subset?: string, hash?: number): string {
  return picker.pick([], subset, hash)?.name ?? "-";
}

/** So many picks in a row. */
function nexts(picker: EndpointPicker, count: number): string {
  return Array.from({ length: count }, () => next(picker)).join("");
}

function health(states: Readonly<Record<string, EndpointState>>, sinceMs = 0): HealthTable {
  return Object.fromEntries(
    Object.entries(states).map(([name, state]) => [name, { state, sinceMs }]),
  );
}

/** Of many picks, the share of one endpoint. */
function shareOf(picker: EndpointPicker, name: string): number {
  let count = 0;
  for (let i = 0; i < PICKS; i += 1) count += next(picker) === name ? 1 : 0;
  return count / PICKS;
}

describe("EndpointPicker", () => {
  test("leaves out what is not healthy, and takes it back", () => {
    const picker = pickerOf();
    for (const state of ["unhealthy", "ejected", "out"] as const) {
      picker.setHealth(health({ b: state }));
      assert.doesNotMatch(nexts(picker, 6), /b/);
      picker.setHealth({});
      assert.match(nexts(picker, 6), /b/);
    }
  });

  test("panics as the policy says, and never uses what is out", () => {
    const picker = pickerOf();
    picker.setHealth(health({ a: "unhealthy", b: "unhealthy", c: "out" }));
    assert.equal(nexts(picker, 4), "abab");
    picker.setPolicy({ ...PLAIN_SERVICE, panicPercent: 0 }, undefined);
    assert.equal(next(picker), "-");
    picker.setHealth(health({ a: "out", b: "out", c: "out" }));
    picker.setPolicy(PLAIN_SERVICE, undefined);
    assert.equal(next(picker), "-");
  });

  test("uses a backup when nothing else is left, for a request or for all", () => {
    const backup = endpoint("z", { priority: BACKUP_PRIORITY });
    const picker = pickerOf({}, [backup, a, b]);
    assert.equal(nexts(picker, 4), "abab");
    assert.equal(picker.pick([a, b], undefined, undefined), backup);
    assert.equal(picker.pick([a, b, backup], undefined, undefined), undefined);
    picker.setHealth(health({ a: "ejected", b: "unhealthy" }));
    assert.equal(nexts(picker, 2), "zz");
  });

  test("keeps to a subset, also for backups and retries, and knows only those of the policy", () => {
    const v1 = { labels: { version: "v1" } };
    const set = [
      endpoint("a", v1),
      endpoint("b", { labels: { version: "v2" } }),
      endpoint("c", { ...v1, priority: BACKUP_PRIORITY }),
    ];
    const subsets = [
      { name: "v1", labels: { version: "v1" } },
      { name: "v3", labels: { version: "v3" } },
    ];
    const picker = pickerOf({ subsets }, set);
    for (let i = 0; i < 5; i += 1) assert.equal(next(picker, "v1"), "a");
    assert.equal(picker.pick(set.slice(0, 1), "v1", undefined)?.name, "c");
    assert.equal(picker.pick(set, "v1", undefined), undefined);
    assert.equal(next(picker, "v3"), "-");
    assert.equal(next(picker, "v9"), "-");
    picker.setHealth(health({ a: "ejected" }));
    assert.equal(next(picker, "v1"), "c");
    picker.setEndpoints([endpoint("a"), endpoint("b", v1)]);
    assert.equal(next(picker, "v1"), "b");
  });

  test("prefers the zone of the box", () => {
    const set = [endpoint("a", { zone: "x" }), endpoint("b", { zone: "y" })];
    const picker = pickerOf({}, set);
    picker.setPolicy(PLAIN_SERVICE, "y");
    assert.equal(nexts(picker, 4), "bbbb");
    picker.setPolicy(PLAIN_SERVICE, "x");
    assert.equal(nexts(picker, 4), "aaaa");
    picker.setEndpoints([endpoint("a", { zone: "y" }), endpoint("b", { zone: "x" })]);
    assert.equal(nexts(picker, 2), "bb");
  });

  test("goes on where it was when a set, a health or a policy says the same again", () => {
    const picker = pickerOf();
    assert.equal(next(picker), "a");
    picker.setEndpoints([{ ...a }, { ...b }, { ...c }]);
    assert.equal(next(picker), "b");
    picker.setHealth(health({ a: "healthy" }));
    picker.setPolicy({ ...PLAIN_SERVICE }, undefined);
    assert.equal(next(picker), "c");
  });

  test("takes a set in another order for the same one", () => {
    const picker = pickerOf();
    assert.equal(next(picker), "a");
    picker.setEndpoints([c, a, b]);
    assert.equal(nexts(picker, 3), "bca");
  });

  test("begins a rotation that is made anew one further, so that nobody is favoured", () => {
    const picker = pickerOf();
    const firsts = Array.from({ length: 6 }, (_, i) => {
      picker.setHealth(i % 2 === 0 ? {} : health({ x: "ejected" }));
      picker.setEndpoints(i % 2 === 0 ? [a, b, c] : [a, b, { ...c, weight: 1 + i }]);
      picker.setEndpoints([a, b, c]);
      return next(picker);
    });
    assert.equal(new Set(firsts).size, 3, firsts.join(""));
  });

  test("takes over another balancer and other weights", () => {
    const picker = pickerOf();
    assert.equal(nexts(picker, 3), "abc");
    picker.setEndpoints([endpoint("a", { weight: 2 }), b, c]);
    assert.equal(nexts(picker, 4), "bcaa");
    picker.setPolicy({ ...PLAIN_SERVICE, balancer: "maglev" }, undefined);
    const hash = hashText("user", 0);
    const picked = next(picker, undefined, hash);
    for (let i = 0; i < 10; i += 1) assert.equal(next(picker, undefined, hash), picked);
  });

  test("moves only the hashes of an endpoint whose health changes, and back", () => {
    for (const balancer of ["maglev", "ring_hash"] as const) {
      const picker = pickerOf({ balancer });
      const hashes = Array.from({ length: 300 }, (_, i) => hashText(`user-${i}`, 0));
      const where = (): readonly string[] => hashes.map((hash) => next(picker, undefined, hash));
      const before = where();
      picker.setHealth(health({ b: "ejected" }));
      for (const [i, name] of where().entries()) {
        assert.ok(before[i] === "b" ? name !== "b" : name === before[i]);
      }
      picker.setHealth({});
      assert.deepEqual(where(), before);
    }
  });

  test("knows an endpoint again by its name, and gives it as it was published last", () => {
    const picker = pickerOf();
    const anew = { ...b };
    picker.setEndpoints([a, anew]);
    assert.equal(picker.pick([{ ...a }], undefined, undefined), anew);
    assert.equal(picker.pick([a, b, c, a, b, c, a], undefined, undefined), undefined);
  });

  test("takes an endpoint that is in a set twice as one", () => {
    const picker = pickerOf({}, [a, { ...a }, b]);
    assert.equal(nexts(picker, 4), "abab");
  });

  test("gives undefined of an empty set, and serves again after it", () => {
    const picker = pickerOf({}, []);
    assert.equal(next(picker), "-");
    picker.setEndpoints([a]);
    assert.equal(next(picker), "a");
    picker.setEndpoints([]);
    assert.equal(next(picker), "-");
  });
});

describe("EndpointPicker slow start", () => {
  const SLOW: Partial<PickPolicy> = { balancer: "random", slowStartMs: 60_000 };

  test("begins with full shares for the first endpoints", () => {
    assert.ok(Math.abs(shareOf(pickerOf(SLOW), "c") - 1 / 3) < 0.04);
    const later = pickerOf(SLOW, []);
    later.setEndpoints([a, b, c]);
    assert.ok(Math.abs(shareOf(later, "c") - 1 / 3) < 0.04);
  });

  test("gives one that joins later, or comes back to the set, a tenth of its share", () => {
    const picker = pickerOf(SLOW, [a, b]);
    picker.setEndpoints([a, b, c]);
    assert.ok(Math.abs(shareOf(picker, "c") - 0.1 / 2.1) < 0.02);
    picker.setEndpoints([b, c]);
    picker.setEndpoints([a, b, c]);
    assert.ok(shareOf(picker, "a") < 0.1);
  });

  test("counts from the time at which an endpoint was well again", () => {
    const picker = pickerOf(SLOW);
    picker.setHealth(health({ c: "ejected" }));
    picker.setHealth(health({ c: "healthy" }, NOW - 30_000));
    assert.ok(Math.abs(shareOf(picker, "c") - 0.5 / 2.5) < 0.03);
    picker.setHealth(health({ c: "out" }));
    // Of one that control knows nothing of any more, the change itself is what is known.
    picker.setHealth({});
    assert.ok(Math.abs(shareOf(picker, "c") - 0.1 / 2.1) < 0.02);
  });

  test("takes over who is slow to start, as a worker that replaces another one must", () => {
    const picker = pickerOf(SLOW, []);
    picker.setHealth(health({ c: "healthy" }, NOW - 30_000));
    picker.setEndpoints([a, b, c]);
    assert.ok(Math.abs(shareOf(picker, "c") - 0.5 / 2.5) < 0.03);
  });

  test("does not take a first word about a healthy endpoint for a recovery", () => {
    const picker = pickerOf(SLOW);
    picker.setHealth(health({ a: "healthy", b: "healthy", c: "healthy" }, NOW));
    assert.ok(Math.abs(shareOf(picker, "c") - 1 / 3) < 0.04);
  });
});

describe("EndpointPicker.loadOf()", () => {
  test("is what least_request goes by, over changes of the set", () => {
    const picker = pickerOf({ balancer: "least_request" }, [a, b]);
    picker.loadOf(a).active += 1;
    assert.equal(shareOf(picker, "a"), 0);
    picker.setEndpoints([{ ...a }, { ...b }]);
    assert.equal(shareOf(picker, "a"), 0);
    picker.setEndpoints([b]);
    picker.setEndpoints([a, b]);
    assert.equal(shareOf(picker, "a"), 0, "it is in use still, though it was away");
    picker.loadOf(a).active -= 1;
    assert.ok(shareOf(picker, "a") > 0.4);
  });

  test("is the same object as long as the endpoint is there or in use, and nobody's afterwards", () => {
    const picker = pickerOf({}, [a, b]);
    const load = picker.loadOf(a);
    assert.equal(picker.loadOf({ ...a }), load);
    picker.setEndpoints([b]);
    assert.notEqual(picker.loadOf(a), load);
    assert.notEqual(picker.loadOf(a), picker.loadOf(a));
    assert.equal(picker.loadOf(a).active, 0);
  });

  test("keeps nothing of endpoints that come and go unused", () => {
    const picker = pickerOf({}, [a]);
    for (let i = 0; i < 1000; i += 1) picker.setEndpoints([endpoint(`e${i}`), a]);
    picker.setEndpoints([a]);
    assert.equal(nexts(picker, 3), "aaa");
    assert.notEqual(picker.loadOf(endpoint("e7")), picker.loadOf(endpoint("e7")));
  });
});
