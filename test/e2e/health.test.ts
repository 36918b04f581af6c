/** Endpoints that die, fail, are taken out and come back, under load and with two workers. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { hasCommand } from "../packages.ts";
import { findFreePort, until } from "../processes.ts";
import { makeTestCertificate } from "./certificate.ts";
import { startHttpEndpoint } from "./endpoints.ts";
import { type Gatehouse, startGatehouse, untilMetric } from "./harness.ts";
import { fetchStatus, type LoadReport, runLoad } from "./http-client.ts";
import { startNginx } from "./nginx.ts";

const CONNECTIONS = 32;
const HOST = "site.test";
const skip = !hasCommand("nginx") && "needs nginx";

/** One HTTP route to these endpoints. */
function config(port: number, endpoints: readonly number[], service = ""): string {
  return `
access_log.path = "off"

[[gateway]]
name = "web"
listen = "127.0.0.1:${port}"
protocol = "http"

[[virtual_service]]
hosts = ["${HOST}"]

[[virtual_service.http]]
route = "site"
retries = { attempts = 2, on = ["connect-failure", "reset"] }

[service.site]
endpoints = ${JSON.stringify(endpoints.map((each) => `127.0.0.1:${each}`))}
pool.retries = ${CONNECTIONS}
${service}
`;
}

interface Load {
  readonly answered: () => number;
  /** Ends it. */
  readonly end: () => Promise<LoadReport>;
}

/** Requests on 32 connections until it is ended. */
function startLoad(t: TestContext, port: number): Load {
  const state = { asked: 0, isOver: false };
  const more = (): boolean => {
    state.asked += 1;
    return !state.isOver;
  };
  const load = runLoad({ port, host: HOST, connections: CONNECTIONS, marker: "here.", more });
  const end = (): Promise<LoadReport> => {
    state.isOver = true;
    return load;
  };
  t.after(end);
  return { answered: () => state.asked, end };
}

/** So many more requests pass. */
async function pass(load: Load, requests: number): Promise<void> {
  const goal = load.answered() + requests;
  await until(`${requests} requests`, () => (load.answered() >= goal ? true : undefined));
}

/** The state of each endpoint, in the file's order, as `show endpoints` has it. */
async function states(gatehouse: Gatehouse): Promise<readonly string[]> {
  const { stdout } = await gatehouse.command("show", "endpoints", "--json");
  const { endpoints } = JSON.parse(stdout) as { endpoints: readonly { state: string }[] };
  return endpoints.map(({ state }) => state);
}

async function untilStates(gatehouse: Gatehouse, expected: readonly string[]): Promise<void> {
  const seen = { last: "" };
  await until(`states ${expected.join()}`, async () => {
    seen.last = (await states(gatehouse)).join();
    return seen.last === expected.join() ? true : undefined;
  });
}

/** The metric of one endpoint. */
function healthOf(endpoint: number) {
  const labels = { service: "site", endpoint: `127.0.0.1:${endpoint}` };
  return { name: "gatehouse_endpoint_healthy", labels };
}

const SITE = { locations: "location / { return 200 'here.'; }" };

test(
  "an endpoint that is killed and started again under load costs no request",
  { skip },
  async (t) => {
    const one = await startNginx(t, SITE);
    const two = await startNginx(t, SITE);
    const port = await findFreePort();
    const outlier = 'outlier = { interval = "100ms", ejection = "300ms" }';
    const gatehouse = await startGatehouse(t, {
      config: config(port, [one.port, two.port], outlier),
    });
    const load = startLoad(t, port);
    await pass(load, 2000);
    await two.kill();
    const ejected = await gatehouse.log.waitFor({ message: "an endpoint is ejected" });
    assert.equal(ejected["endpoint"], `127.0.0.1:${two.port}`);
    assert.equal(ejected["service"], "site");
    assert.match(String(ejected["because"]), /errors in a row$/);
    await pass(load, 2000);
    const again = await startNginx(t, { ...SITE, port: two.port });
    await until("it has requests again", () => (again.requests().length > 500 ? true : undefined));
    const { answered, failures } = await load.end();
    t.diagnostic(`${answered} requests answered, ${failures.length} failed`);
    assert.deepEqual(failures, []);
    await untilStates(gatehouse, ["healthy", "healthy"]);
  },
);

test(
  "after the ejection nobody tries the dead endpoint: no retries are counted",
  { skip },
  async (t) => {
    const one = await startNginx(t, SITE);
    const dead = await findFreePort();
    const port = await findFreePort();
    const gatehouse = await startGatehouse(t, { config: config(port, [one.port, dead]) });
    for (let i = 0; i < 40; i += 1) assert.equal(await fetchStatus(port, HOST), 200);
    await untilStates(gatehouse, ["healthy", "ejected"]);
    const before = await gatehouse.metric("gatehouse_retries_total");
    assert.ok(before >= 5, `${before} retries until it was ejected`);
    for (let i = 0; i < 40; i += 1) assert.equal(await fetchStatus(port, HOST), 200);
    assert.equal(await gatehouse.metric("gatehouse_retries_total"), before);
    await untilMetric(gatehouse, healthOf(one.port), 1);
    await untilMetric(gatehouse, healthOf(dead), 0);
    const { stdout } = await gatehouse.command("show", "endpoints");
    assert.match(
      stdout,
      new RegExp(`127\\.0\\.0\\.1:${dead}  ejected  .* errors in a row, back in `),
    );
  },
);

test("nginx that answers 500 is ejected, and comes back", { skip }, async (t) => {
  const good = await startNginx(t, SITE);
  const bad = await startNginx(t, { locations: "location / { return 500 'no'; }" });
  const port = await findFreePort();
  const outlier = 'outlier = { interval = "100ms", ejection = "2s" }';
  const gatehouse = await startGatehouse(t, {
    config: config(port, [good.port, bad.port], outlier),
  });
  const statuses: number[] = [];
  await until("it is ejected", async () => {
    statuses.push(await fetchStatus(port, HOST));
    return (await states(gatehouse))[1] === "ejected" ? true : undefined;
  });
  assert.ok(statuses.filter((status) => status === 500).length >= 5, statuses.join());
  for (let i = 0; i < 50; i += 1) assert.equal(await fetchStatus(port, HOST), 200);
  await gatehouse.log.waitFor({ message: "an endpoint is in use again" });
  const lines = gatehouse.log.lines.filter(({ message }) => /endpoint is/.test(String(message)));
  assert.deepEqual(
    lines.map(({ message }) => message),
    ["an endpoint is ejected", "an endpoint is in use again"],
  );
});

test("endpoint out and in under load: no request fails, over a reload too", { skip }, async (t) => {
  const one = await startNginx(t, SITE);
  const two = await startNginx(t, SITE);
  const port = await findFreePort();
  const gatehouse = await startGatehouse(t, { config: config(port, [one.port, two.port]) });
  const load = startLoad(t, port);
  await pass(load, 1000);
  const address = `127.0.0.1:${two.port}`;
  const out = await gatehouse.command("endpoint", "out", "site", address);
  assert.equal(out.status, 0, out.stderr);
  assert.match(out.stderr, /is out of service\. What it is doing it may finish\.\n$/);
  await pass(load, 4 * CONNECTIONS);
  const before = two.requests().length;
  await pass(load, 1000);
  gatehouse.writeConfig(config(port, [one.port, two.port], "panic_percent = 100"));
  assert.equal((await gatehouse.command("reload")).status, 0);
  await pass(load, 1000);
  assert.equal(two.requests().length, before, "nobody asks it");
  assert.deepEqual(await states(gatehouse), ["healthy", "out"]);
  const unknown = await gatehouse.command("endpoint", "out", "site", "10.9.9.9:1");
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, new RegExp(`has no endpoint 10.9.9.9:1; it has .*${address}`));
  const back = await gatehouse.command("endpoint", "in", "site", address);
  assert.match(back.stderr, /is in service again\.\n$/);
  await until("it is asked again", () => (two.requests().length > before ? true : undefined));
  const { answered, failures } = await load.end();
  t.diagnostic(`${answered} requests answered, ${failures.length} failed`);
  assert.deepEqual(failures, []);
  const last = await gatehouse.command("endpoint", "out", "site", address);
  assert.doesNotMatch(last.stderr, /last one/);
  const none = await gatehouse.command("endpoint", "out", "site", `127.0.0.1:${one.port}`);
  assert.equal(none.status, 0);
  assert.match(none.stderr, /It was the last one: site has no endpoint now/);
  assert.equal(await fetchStatus(port, HOST), 503);
});

/** An endpoint whose health the test says. */
async function startPatient(t: TestContext) {
  const patient = { isWell: true, asked: 0, checked: 0, port: 0 };
  const listener: RequestListener = (request, answer) => {
    if (request.url === "/healthz") {
      patient.checked += 1;
      answer.statusCode = patient.isWell ? 200 : 503;
    } else patient.asked += 1;
    answer.end("here.");
  };
  patient.port = await startHttpEndpoint(t, listener);
  return patient;
}

const CHECK =
  'health_check = { path = "/healthz", interval = "100ms", unhealthy = 2, healthy = 2 }';

test("checks: who fails them gets no request until it passes them again; when all fail, all do", async (t) => {
  const one = await startPatient(t);
  const two = await startPatient(t);
  two.isWell = false;
  const port = await findFreePort();
  const gatehouse = await startGatehouse(t, { config: config(port, [one.port, two.port], CHECK) });
  await untilStates(gatehouse, ["healthy", "unhealthy"]);
  const unhealthy = await gatehouse.log.waitFor({ message: "an endpoint is unhealthy" });
  assert.equal(unhealthy["because"], "status 503, expected 200");
  const before = two.asked;
  for (let i = 0; i < 20; i += 1) assert.equal(await fetchStatus(port, HOST), 200);
  assert.equal(two.asked, before);
  one.isWell = false;
  await untilStates(gatehouse, ["unhealthy", "unhealthy"]);
  for (let i = 0; i < 40; i += 1) assert.equal(await fetchStatus(port, HOST), 200);
  assert.ok(two.asked > before && one.asked > 20, "panic: all are used");
  const shown = await gatehouse.command("show", "endpoints");
  assert.match(shown.stdout, /unhealthy, used \(panic\) .* status 503, expected 200/);
  const services = await gatehouse.command("show", "services");
  assert.match(services.stdout, /0\/2 panic/);
  one.isWell = true;
  two.isWell = true;
  await untilStates(gatehouse, ["healthy", "healthy"]);
});

test("checks: one for all workers, none after a reload without them", async (t) => {
  const one = await startPatient(t);
  const port = await findFreePort();
  const gatehouse = await startGatehouse(t, {
    workers: 4,
    config: config(port, [one.port], CHECK.replace("100ms", "1h")),
  });
  await until("the first check", () => (one.checked > 0 ? true : undefined));
  gatehouse.writeConfig(config(port, [one.port], CHECK.replace("100ms", "2h")));
  assert.equal((await gatehouse.command("reload")).status, 0);
  await until("asked anew", () => (one.checked > 1 ? true : undefined));
  gatehouse.writeConfig(config(port, [one.port]));
  assert.equal((await gatehouse.command("reload")).status, 0);
  assert.equal(one.checked, 2);
  const { stdout } = await gatehouse.command("show", "endpoints", "--json");
  const [endpoint] = (JSON.parse(stdout) as { endpoints: readonly object[] }).endpoints;
  assert.ok(endpoint && !("check" in endpoint));
});

test(
  "checks over TLS and of gRPC: what only they need is in the executable",
  { skip },
  async (t) => {
    const certificate = await makeTestCertificate(t, ["nginx.com"]);
    const secure = await startNginx(t, { ...SITE, certificate });
    const calls: string[] = [];
    const grpc = createHttp2Server();
    grpc.on("stream", (stream, headers) => {
      calls.push(String(headers[":path"]));
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.of(0, 0, 0, 0, 2, 8, calls.length > 1 ? 1 : 2));
    });
    grpc.listen(0, "127.0.0.1");
    await once(grpc, "listening");
    t.after(() => grpc.close());
    const grpcPort = (grpc.address() as AddressInfo).port;
    const port = await findFreePort();
    const tls = `tls = { ca = "${certificate.certificateFile}", sni = "nginx.com" }`;
    const check = 'health_check = { path = "/", interval = "100ms", healthy = 1 }';
    const gatehouse = await startGatehouse(t, {
      config: `${config(port, [secure.port], `${tls}\n${check}`)}
[service.rpc]
endpoints = ["127.0.0.1:${grpcPort}"]
health_check = { grpc = "", interval = "100ms", healthy = 1 }
`,
    });
    const rpc = await gatehouse.log.waitFor({
      message: "an endpoint is unhealthy",
      service: "rpc",
    });
    assert.equal(rpc["because"], "NOT_SERVING");
    await gatehouse.log.waitFor({ message: "an endpoint is in use again", service: "rpc" });
    assert.equal(calls[0], "/grpc.health.v1.Health/Check");
    await until("nginx is checked", () => (secure.requests().length > 1 ? true : undefined));
    const { stdout } = await gatehouse.command("show", "endpoints");
    assert.match(stdout, new RegExp(`127\\.0\\.0\\.1:${secure.port}  healthy  .*status 200, `));
    assert.equal(await fetchStatus(port, HOST), 200);
  },
);

test("active requests are those of all workers", async (t) => {
  const waiting: (() => void)[] = [];
  const endpoint = await startHttpEndpoint(t, (_request, answer) => {
    waiting.push(() => answer.end("here."));
  });
  const port = await findFreePort();
  const gatehouse = await startGatehouse(t, { config: config(port, [endpoint]) });
  const asked = Array.from({ length: 16 }, () => fetchStatus(port, HOST));
  await until("all are there", () => (waiting.length === 16 ? true : undefined));
  const { text } = await gatehouse.ask("/services");
  const { services } = JSON.parse(text) as {
    services: readonly { endpoints: readonly { active: number }[] }[];
  };
  assert.equal(services[0]?.endpoints[0]?.active, 16);
  for (const answer of waiting) answer();
  assert.deepEqual(new Set(await Promise.all(asked)), new Set([200]));
});
