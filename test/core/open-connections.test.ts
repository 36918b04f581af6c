import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ConnectionsQuery,
  isAskedFor,
  mergePages,
  type OpenConnection,
  pageOf,
  readConnectionsQuery,
} from "../../src/core/open-connections.ts";

const PLAIN: OpenConnection = {
  kind: "tls",
  state: "tunnel",
  openedAt: 1000,
  listener: ":443",
  client: { address: "10.1.2.3", port: 1 },
  gateway: "tls",
  host: "a.test",
  service: "s",
  endpoint: "10.0.0.1:443",
  bytesIn: 1,
  bytesOut: 1,
  requests: undefined,
};

function queryOf(texts: Readonly<Record<string, string>>): ConnectionsQuery {
  const query = readConnectionsQuery(texts);
  assert.ok(query.ok, JSON.stringify(query));
  return query.value;
}

test("isAskedFor() holds for those for which all that is asked holds", () => {
  const nameless: OpenConnection = {
    ...PLAIN,
    gateway: undefined,
    host: undefined,
    service: undefined,
    client: { address: "", port: 0 },
  };
  const rows: readonly [asked: Record<string, string>, plain: boolean, nameless: boolean][] = [
    [{}, true, true],
    [{ kind: "tls" }, true, true],
    [{ kind: "http" }, false, false],
    [{ service: "s" }, true, false],
    [{ service: "t" }, false, false],
    [{ gateway: "tls" }, true, false],
    [{ gateway: "web" }, false, false],
    [{ client: "10.1.2.3" }, true, false],
    [{ client: "::ffff:10.1.2.3" }, true, false],
    [{ client: "10.0.0.0/8" }, true, false],
    [{ client: "::/0" }, false, false],
    [{ client: "11.0.0.0/8" }, false, false],
    [{ host: "A.Test." }, true, false],
    [{ host: "*.test" }, true, false],
    [{ host: "*.a.test" }, false, false],
    [{ host: "*" }, true, false],
    [{ service: "s", client: "10.1.2.4" }, false, false],
  ];
  for (const [asked, plain, other] of rows) {
    const query = queryOf(asked);
    const holds = [PLAIN, nameless].map((one) => isAskedFor(one, query));
    assert.deepEqual(holds, [plain, other], JSON.stringify(asked));
  }
});

test("pageOf() counts all and keeps the oldest, or those with most bytes", () => {
  const all = Array.from({ length: 2500 }, (_, i) => ({
    ...PLAIN,
    openedAt: 5000 - i,
    bytesIn: (i * 7919) % 2500,
  }));
  const oldest = pageOf(all, queryOf({}));
  assert.equal(oldest.total, 2500);
  assert.equal(oldest.connections.length, 1000);
  assert.deepEqual(
    oldest.connections.map(({ openedAt }) => openedAt),
    Array.from({ length: 1000 }, (_, i) => 2501 + i),
  );
  const largest = pageOf(all, queryOf({ sort: "bytes", limit: "3" }));
  assert.equal(largest.total, 2500);
  assert.deepEqual(
    largest.connections.map(({ bytesIn }) => bytesIn),
    [2499, 2498, 2497],
  );
});

function page(worker: number, ...ages: readonly number[]) {
  return { total: 10, connections: ages.map((openedAt) => ({ ...PLAIN, openedAt, worker })) };
}

test("mergePages() adds the totals and keeps the first of all workers", () => {
  const query = queryOf({ limit: "2" });
  const { total, connections } = mergePages([page(0, 3, 5), page(1, 1, 4), page(2)], query);
  assert.equal(total, 30);
  assert.deepEqual(
    connections.map(({ worker, openedAt }) => [worker, openedAt]),
    [
      [1, 1],
      [0, 3],
    ],
  );
});

test("readConnectionsQuery() refuses what it does not know, with a sentence", () => {
  const rows: readonly [asked: Record<string, string>, error: RegExp][] = [
    [{ x: "1" }, /no filter "x"; there are kind, service, gateway, client, host, sort, limit/],
    [{ constructor: "1" }, /no filter "constructor"/],
    [{ kind: "udp" }, /kind is http, tls, tcp; found "udp"/],
    [{ client: "a.test" }, /IP address or a network/],
    [{ client: "10.0.0.0/33" }, /IP address or a network/],
    [{ sort: "size" }, /sort is age or bytes/],
    [{ limit: "0" }, /limit is a number from 1 to 1000/],
    [{ limit: "1001" }, /limit/],
    [{ limit: "1e2" }, /limit/],
    [{ limit: "" }, /limit/],
  ];
  for (const [asked, error] of rows) {
    const query = readConnectionsQuery(asked);
    assert.ok(!query.ok);
    assert.match(query.error, error);
  }
});
