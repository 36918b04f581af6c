import assert from "node:assert/strict";
import { test } from "node:test";
import { countLoads, sumLoads } from "../../src/core/endpoint-loads.ts";
import type { ConnectionState, OpenConnection } from "../../src/core/open-connections.ts";

function connection(state: ConnectionState, service?: string, endpoint?: string): OpenConnection {
  return {
    kind: "http",
    state,
    openedAt: 0,
    listener: ":80",
    client: { address: "", port: 0 },
    gateway: undefined,
    host: undefined,
    service,
    endpoint,
    bytesIn: 0,
    bytesOut: 0,
    requests: 1,
  };
}

test("countLoads() counts what keeps an endpoint busy; sumLoads() adds workers up", () => {
  const one = countLoads([
    connection("request", "a", "1"),
    connection("tunnel", "a", "1"),
    connection("connecting", "a", "2"),
    connection("request", "b", "1"),
    connection("idle", "a", "1"),
    connection("closing", "a", "1"),
    connection("head"),
    connection("request", "a"),
  ]);
  const two = countLoads([connection("request", "a", "1")]);
  assert.deepEqual(
    sumLoads([one, two, new Map()]),
    new Map([
      [
        "a",
        new Map([
          ["1", 3],
          ["2", 1],
        ]),
      ],
      ["b", new Map([["1", 1]])],
    ]),
  );
});
