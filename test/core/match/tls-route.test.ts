import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type TlsConnectionFacts, matchTlsRoute } from "../../../src/core/match/tls-route.ts";
import type { TlsChain, TlsMatch, TlsRoute } from "../../../src/core/model.ts";

const origin = { line: 1, column: 1 };
const route = (name: string, ...matches: readonly TlsMatch[]): TlsRoute => {
  return { name, matches, destinations: [], origin };
};
const chain = (...routes: readonly TlsRoute[]): TlsChain => {
  return { name: "chain", hosts: ["*"], routes, origin };
};

const FACTS: TlsConnectionFacts = {
  serverName: "a.example.com",
  alpn: ["h2", "http/1.1"],
  port: 443,
  gateway: "tls",
  ech: false,
  source: "192.0.2.1",
};
const taken = (taking: TlsChain, facts = FACTS): string | undefined =>
  matchTlsRoute(taking, facts)?.name;

describe("matchTlsRoute()", () => {
  test("gives the first in file order, not the narrowest", () => {
    const wide = route("wide", { sni: ["*.example.com"] });
    const narrow = route("narrow", { sni: ["a.example.com"] });
    assert.equal(taken(chain(wide, narrow)), "wide");
    assert.equal(taken(chain(narrow, wide)), "narrow");
  });

  test("takes a route of which any match holds, by any of its names", () => {
    const second = route("second", { sni: ["x"] }, { sni: ["y", "a.example.com"] });
    assert.equal(taken(chain(route("first", { sni: ["x"] }), second)), "second");
  });

  test("needs all conditions of a match", () => {
    const full: TlsMatch = { sni: ["*"], alpn: ["h3", "h2"], port: 443, gateways: ["x", "tls"] };
    assert.equal(taken(chain(route("full", full))), "full");
    const broken: readonly TlsMatch[] = [
      { ...full, sni: ["example.com"] },
      { ...full, alpn: ["h3"] },
      { ...full, port: 444 },
      { ...full, gateways: ["x"] },
    ];
    for (const match of broken) {
      assert.equal(taken(chain(route("broken", match))), undefined, JSON.stringify(match));
    }
  });

  test("a condition on ALPN does not hold for a client that offers none", () => {
    const facts = { ...FACTS, alpn: [] };
    assert.equal(taken(chain(route("h2", { sni: ["*"], alpn: ["h2"] })), facts), undefined);
    assert.equal(taken(chain(route("all", { sni: ["*"] })), facts), "all");
  });

  test("an empty chain takes nothing", () => assert.equal(taken(chain()), undefined));
});
