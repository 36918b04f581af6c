import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FAILURE_KINDS } from "../../src/core/failure.ts";
import {
  BUCKET_SECONDS,
  METRICS,
  MetricLayout,
  type MetricName,
  blockWidth,
  codeOffset,
  observe,
} from "../../src/core/metric-layout.ts";

const NAMES = Object.keys(METRICS) as readonly MetricName[];

describe("MetricLayout", () => {
  test("gives blocks that neither overlap nor leave gaps", () => {
    const layout = new MetricLayout();
    const slots = NAMES.flatMap((metric) =>
      ["a", "b"].map((name) => ({
        metric,
        slot: layout.slot(metric, { listener: name, gateway: name, service: name }),
      })),
    );
    let next = 0;
    for (const { metric, slot } of slots) {
      assert.equal(slot, next, metric);
      next += blockWidth(metric);
    }
    assert.equal(layout.size, next);
    assert.deepEqual(
      Array.from(layout.blocks(), ({ metric, slot }) => ({ metric, slot })),
      slots,
    );
  });

  test("gives the same slot for the same labels for ever, in any order, over reloads", () => {
    const layout = new MetricLayout();
    const first = layout.slot("gatehouse_bytes_total", { gateway: "g", service: "s" });
    const other = layout.slot("gatehouse_bytes_total", { gateway: "s", service: "g" });
    assert.notEqual(other, first);
    for (let reload = 0; reload < 3; reload += 1) {
      layout.slot("gatehouse_retries_total", { service: `new-${reload}` });
      const size = layout.size;
      assert.equal(layout.slot("gatehouse_bytes_total", { service: "s", gateway: "g" }), first);
      assert.equal(layout.slot("gatehouse_bytes_total", { gateway: "s", service: "g" }), other);
      assert.equal(layout.size, size);
    }
  });

  test("keeps only the labels of the metric; a missing one is empty", () => {
    const layout = new MetricLayout();
    const slot = layout.slot("gatehouse_failures_total", { listener: ":80" });
    const again = layout.slot("gatehouse_failures_total", {
      listener: ":80",
      gateway: "",
      service: "x",
    });
    assert.equal(again, slot);
    assert.deepEqual([...layout.blocks()][0]?.labels, { listener: ":80", gateway: "" });
  });

  test("does not take names with quotes and commas for one another", () => {
    const layout = new MetricLayout();
    const slots = [
      { gateway: 'a"],["service","b', service: "c" },
      { gateway: "a", service: 'b"],["service","c' },
      { gateway: "a,b", service: "c" },
      { gateway: "a", service: "b,c" },
    ].map((labels) => layout.slot("gatehouse_tunnels_total", labels));
    assert.equal(new Set(slots).size, slots.length);
  });
});

describe("blockWidth()", () => {
  test("is the dimension, or buckets with +Inf and sum, or one", () => {
    assert.equal(blockWidth("gatehouse_connections_total"), 1);
    assert.equal(blockWidth("gatehouse_requests_total"), 5);
    assert.equal(blockWidth("gatehouse_bytes_total"), 2);
    assert.equal(blockWidth("gatehouse_failures_total"), FAILURE_KINDS.length);
    assert.equal(blockWidth("gatehouse_upstream_connect_seconds"), BUCKET_SECONDS.length + 2);
  });
});

describe("METRICS", () => {
  for (const name of NAMES) {
    test(`${name} follows the conventions of Prometheus`, () => {
      const { type, help } = METRICS[name];
      assert.match(name, /^gatehouse_[a-z_]+$/);
      assert.equal(name.endsWith("_total"), type === "counter");
      assert.equal(name.endsWith("_seconds"), type === "histogram");
      assert.match(help, /^[A-Z].*\.$/);
    });
  }
});

test("codeOffset() is the class of the status", () => {
  const STATUSES = { 100: 0, 199: 0, 200: 1, 301: 2, 404: 3, 499: 3, 500: 4, 599: 4 };
  for (const [status, offset] of Object.entries(STATUSES)) {
    assert.equal(codeOffset(Number(status)), offset, status);
  }
  // An endpoint may send any three digits; they count as its failure (RFC 9110 §15).
  for (const status of [600, 999, 0, 99]) assert.equal(codeOffset(status), 4);
});

describe("observe()", () => {
  const SLOT = 3;
  const counters = (): Float64Array => new Float64Array(SLOT + BUCKET_SECONDS.length + 4);

  test("counts in the first bucket whose bound is not below, and adds to the sum", () => {
    const bounds = [...BUCKET_SECONDS, Number.POSITIVE_INFINITY];
    for (const [i, bound] of bounds.entries()) {
      const seconds = i === BUCKET_SECONDS.length ? 11 : bound;
      const memory = counters();
      observe(memory, SLOT, seconds);
      observe(memory, SLOT, seconds - seconds / 1e6);
      const expected = counters();
      expected[SLOT + i] = 2;
      expected[SLOT + BUCKET_SECONDS.length + 1] = seconds + (seconds - seconds / 1e6);
      assert.deepEqual(memory, expected, String(bound));
    }
  });

  test("takes 0 and times without end", () => {
    const memory = counters();
    observe(memory, SLOT, 0);
    observe(memory, SLOT, Number.POSITIVE_INFINITY);
    assert.equal(memory[SLOT], 1);
    assert.equal(memory[SLOT + BUCKET_SECONDS.length], 1);
  });

  test("has bounds that grow", () => {
    assert.deepEqual(
      BUCKET_SECONDS,
      BUCKET_SECONDS.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(BUCKET_SECONDS).size, BUCKET_SECONDS.length);
  });
});
