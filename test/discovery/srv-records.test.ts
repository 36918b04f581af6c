import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { endpointsOfRecords, readRecords } from "../../src/discovery/srv-records.ts";

/** `"priority weight port target"`, as DNS has it. */
function raw(...records: readonly string[]) {
  return records.map((text) => {
    const [priority, weight, port, name = ""] = text.split(" ");
    return { name, port: Number(port), priority: Number(priority), weight: Number(weight) };
  });
}

const shown = (records: ReturnType<typeof readRecords>) =>
  records?.map(({ priority, weight, port, host }) => `${priority} ${weight} ${port} ${host}`);

test("readRecords() sorts by priority, then weight, and folds targets", () => {
  const records = raw("10 5 80 b.test", "0 1 80 c.test", "10 7 80 A.Test.", "0 1 80 C.TEST");
  const sorted = ["0 1 80 c.test.", "10 7 80 a.test.", "10 5 80 b.test."];
  assert.deepEqual(shown(readRecords(records)), sorted);
  assert.deepEqual(shown(readRecords(records.toReversed())), sorted);
});

test('readRecords() knows "decidedly not available" from nothing that can be used', () => {
  assert.deepEqual(readRecords(raw("0 0 0 ")), []);
  assert.deepEqual(readRecords(raw("0 0 80 .")), []);
  assert.equal(readRecords([]), undefined);
  // An endpoint with port 0 would be the path of a Unix socket.
  assert.equal(readRecords(raw("0 0 0 /run/docker.sock")), undefined);
  assert.deepEqual(shown(readRecords(raw("0 0 0 a.test", "0 0 80 .", "0 0 81 b.test"))), [
    "0 0 81 b.test.",
  ]);
});

/** Weight of each endpoint; a target's addresses are named by it: `"a.test=2"` has two. */
function weigh(counts: Readonly<Record<string, number>>, ...records: readonly string[]) {
  const endpoints = endpointsOfRecords(readRecords(raw(...records)) ?? [], (name) =>
    Array.from({ length: counts[name] ?? 0 }, (_, i) => `10.0.${name.charCodeAt(0)}.${i}`),
  );
  return endpoints.map(({ dnsName, weight, priority = 0 }) => `${priority}: ${dnsName} ${weight}`);
}

const ONE_EACH = { "a.": 1, "b.": 1, "c.": 1 };

describe("endpointsOfRecords()", () => {
  test("keeps weights and priorities that are plain", () => {
    assert.deepEqual(weigh(ONE_EACH, "0 30 80 a", "0 70 80 b", "1 5 80 c"), [
      "0: b 70",
      "0: a 30",
      "1: c 5",
    ]);
  });

  test("gives all the same where every weight is 0", () => {
    assert.deepEqual(weigh(ONE_EACH, "0 0 80 a", "0 0 80 b"), ["0: a 1", "0: b 1"]);
  });

  test("gives weight 0 a thousandth of the heaviest beside others", () => {
    assert.deepEqual(weigh(ONE_EACH, "0 0 80 a", "0 1 80 b", "0 2 80 c"), [
      "0: c 1000",
      "0: b 500",
      "0: a 1",
    ]);
  });

  test("brings large weights to 1 … 1000 within each priority", () => {
    assert.deepEqual(weigh(ONE_EACH, "0 65535 80 a", "0 1 80 b", "9 3 80 c"), [
      "0: a 1000",
      "0: b 1",
      "9: c 3",
    ]);
  });

  test("shares the weight of a target out among its addresses", () => {
    assert.deepEqual(weigh({ "a.": 2, "b.": 1 }, "0 1 80 a", "0 1 80 b"), [
      "0: a 1",
      "0: a 1",
      "0: b 2",
    ]);
    const many = weigh({ "a.": 255, "b.": 254 }, "0 1 80 a", "0 1 80 b");
    const total = (name: string) =>
      many
        .filter((each) => each.includes(name))
        .reduce((sum, each) => sum + Number(each.split(" ").at(-1)), 0);
    assert.ok(Math.abs(total(" a ") / total(" b ") - 1) < 0.02, `${total(" a ")} ${total(" b ")}`);
  });

  test("leaves out targets without addresses", () => {
    assert.deepEqual(weigh({ "b.": 1 }, "0 0 80 a", "0 5 80 b"), ["0: b 5"]);
    assert.deepEqual(weigh({}, "0 0 80 a"), []);
  });
});
