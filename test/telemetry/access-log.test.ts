import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatHttpRecord,
  formatTunnelRecord,
  type HttpRecord,
  type TunnelRecord,
} from "../../src/telemetry/access-log.ts";

const TIME = Date.UTC(2026, 10, 22, 11, 20, 8, 7);

const HTTP: HttpRecord = {
  time: TIME,
  gateway: "web",
  client: "[::1]:40000",
  durationMs: 1.23456,
  bytesIn: 80,
  bytesOut: 615,
  service: "my-nginx",
  endpoint: "10.0.0.11:80",
  failure: undefined,
  connectMs: 0.5,
  method: "GET",
  host: "nginx.com",
  path: "/a",
  protocol: "HTTP/1.1",
  status: 200,
  route: "my-nginx",
  attempts: 1,
  firstByteMs: 1,
  userAgent: "curl/8",
  referer: "https://x/",
  requestId: "r1",
};

const REFUSED: HttpRecord = {
  time: TIME,
  gateway: undefined,
  client: "1.2.3.4:5",
  durationMs: 0,
  bytesIn: 3,
  bytesOut: 0,
  service: undefined,
  endpoint: undefined,
  failure: "bad-request",
  connectMs: undefined,
  method: undefined,
  host: undefined,
  path: undefined,
  protocol: undefined,
  status: undefined,
  route: undefined,
  attempts: undefined,
  firstByteMs: undefined,
  userAgent: undefined,
  referer: undefined,
  requestId: undefined,
};

const TUNNEL: TunnelRecord = {
  kind: "tls",
  time: TIME,
  gateway: "tls",
  client: "1.2.3.4:5",
  durationMs: 1500,
  bytesIn: 517,
  bytesOut: 4000,
  service: "nginx.com",
  endpoint: "10.0.0.1:443",
  failure: undefined,
  connectMs: 2.25,
  sni: "nginx.com",
  ech: true,
  ja4: "t13d1516h2_8daaf6152771_02713d6af862",
  alpn: ["h2", "http/1.1"],
};

test("formatHttpRecord() writes every field in a fixed order", () => {
  assert.equal(
    formatHttpRecord(HTTP),
    '{"time":"2026-11-22T11:20:08.007Z","kind":"http","gateway":"web","client":"[::1]:40000","method":"GET",' +
      '"host":"nginx.com","path":"/a","protocol":"HTTP/1.1","status":200,"route":"my-nginx","service":"my-nginx",' +
      '"endpoint":"10.0.0.11:80","attempts":1,"duration_ms":1.235,"connect_ms":0.5,"first_byte_ms":1,"bytes_in":80,' +
      '"bytes_out":615,"user_agent":"curl/8","referer":"https://x/","request_id":"r1"}\n',
  );
});

test("formatHttpRecord() leaves out what is unknown", () => {
  assert.equal(
    formatHttpRecord(REFUSED),
    '{"time":"2026-11-22T11:20:08.007Z","kind":"http","client":"1.2.3.4:5","duration_ms":0,"bytes_in":3,' +
      '"bytes_out":0,"failure":"bad-request"}\n',
  );
});

test("formatTunnelRecord() writes every field in a fixed order", () => {
  assert.equal(
    formatTunnelRecord(TUNNEL),
    '{"time":"2026-11-22T11:20:08.007Z","kind":"tls","gateway":"tls","client":"1.2.3.4:5","sni":"nginx.com",' +
      '"alpn":["h2","http/1.1"],"ech":true,"ja4":"t13d1516h2_8daaf6152771_02713d6af862","service":"nginx.com","endpoint":"10.0.0.1:443","duration_ms":1500,' +
      '"connect_ms":2.25,"bytes_in":517,"bytes_out":4000}\n',
  );
});

test("formatTunnelRecord() writes an empty list of protocols as one", () => {
  assert.match(formatTunnelRecord({ ...TUNNEL, alpn: [] }), /"alpn":\[\]/);
});

const DURATIONS: readonly [ms: number, text: string][] = [
  [0, "0"],
  [-3, "0"],
  [Number.NaN, "0"],
  [0.0004, "0"],
  [0.0006, "0.001"],
  [0.1, "0.1"],
  [0.999_9, "1"],
  [1.05, "1.05"],
  [1234.5678, "1234.568"],
  [86_400_000, "86400000"],
];
for (const [ms, text] of DURATIONS) {
  test(`formatHttpRecord() writes ${ms} ms as ${text}`, () => {
    const line = formatHttpRecord({ ...REFUSED, durationMs: ms });
    assert.ok(line.includes(`"duration_ms":${text},`), line);
  });
}

test("formatHttpRecord() follows the clock over seconds, days and backwards", () => {
  const times = [TIME, TIME + 1, TIME + 999, TIME + 86_400_000, TIME - 1, TIME + 0.7, 0];
  for (const time of times) {
    const expected = new Date(Math.floor(time)).toISOString();
    assert.ok(formatHttpRecord({ ...REFUSED, time }).startsWith(`{"time":"${expected}"`));
  }
});

test("formatHttpRecord() makes one ASCII line of valid JSON from 20,000 hostile values", () => {
  const random = seededRandom(7);
  for (let i = 0; i < 20_000; i += 1) {
    const hostile = hostileText(random);
    const line = formatHttpRecord({ ...HTTP, path: hostile, userAgent: hostile, host: hostile });
    assert.match(line, /^[\x20-\x7e]*\n$/);
    const parsed = JSON.parse(line) as Record<string, unknown>;
    assert.equal(parsed["path"], hostile);
    assert.equal(parsed["user_agent"], hostile);
    assert.equal(parsed["request_id"], "r1");
  }
});

test("formatTunnelRecord() makes one ASCII line of valid JSON from hostile values", () => {
  const random = seededRandom(8);
  for (let i = 0; i < 2000; i += 1) {
    const hostile = hostileText(random);
    const line = formatTunnelRecord({ ...TUNNEL, sni: hostile, alpn: [hostile, "h2"] });
    assert.match(line, /^[\x20-\x7e]*\n$/);
    const parsed = JSON.parse(line) as Record<string, unknown>;
    assert.equal(parsed["sni"], hostile);
    assert.deepEqual(parsed["alpn"], [hostile, "h2"]);
  }
});

const HOSTILE = [
  '"',
  "\\",
  "\n",
  "\r",
  "\0",
  "\u001b",
  "\u007f",
  "\u009b",
  "\u00ff",
  "\ud800",
  "\udc00",
  "\u2028",
  "😀",
  '","failure":"x',
  "a",
  " ",
];

function hostileText(random: () => number): string {
  let text = "";
  const length = Math.floor(random() * 12);
  for (let i = 0; i < length; i += 1) {
    text += HOSTILE[Math.floor(random() * HOSTILE.length)] ?? "";
  }
  return text;
}

/** Mulberry32. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
