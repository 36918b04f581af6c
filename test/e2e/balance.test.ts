/** Which endpoint a request gets, through the built executable with two workers, asked by curl and by Node. */
import assert from "node:assert/strict";
import { get } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { hasCommand } from "../packages.ts";
import { DEADLINE_MS, findFreePort, runProgram } from "../processes.ts";
import { startHttpEndpoint } from "./endpoints.ts";
import { type Gatehouse, type Scope, startGatehouse, temporaryFolder } from "./harness.ts";

const skip = !hasCommand("curl") && "needs curl";
const NAMES = ["a", "b", "c", "d"];
const KINDS = ["least_request", "round_robin", "random", "ring_hash", "maglev"] as const;
const ASKED = 120;

interface Stage {
  readonly gatehouse: Gatehouse;
  readonly port: number;
  /** Of the endpoints a, b, c and d. */
  readonly ports: readonly number[];
  readonly folder: string;
}

test("endpoints are chosen as the file says, through the executable", { skip }, async (t) => {
  const stage = await start(t);
  await t.test("each balancer uses every endpoint, a rotation evenly", () => spreads(stage));
  await t.test("a hash goes to the same endpoint from every worker", () => agrees(stage));
  await t.test("a cookie is set once, and curl's jar stays with its endpoint", () => sticks(stage));
  await t.test("a subset's requests stay in it", () => keepsToSubset(stage));
  await t.test("a backup takes over from one that refuses", () => takesOver(stage));
  await t.test("a reload changes the balancer", () => reloads(stage));
});

async function start(scope: Scope): Promise<Stage> {
  const ports: number[] = [];
  for (const name of NAMES) {
    ports.push(await startHttpEndpoint(scope, (_request, response) => response.end(name)));
  }
  const port = await findFreePort();
  const refusing = await findFreePort();
  const config = configOf({ port, ports, refusing });
  const gatehouse = await startGatehouse(scope, { workers: 2, config });
  return { gatehouse, port, ports, folder: temporaryFolder(scope) };
}

function configOf(stage: Pick<Stage, "port" | "ports"> & { readonly refusing: number }): string {
  const { port, ports, refusing } = stage;
  const plain = JSON.stringify(ports.map((each) => `127.0.0.1:${each}`));
  const labelled = ports.map((each, i) => {
    return `{ address = "127.0.0.1:${each}", labels = { version = "v${i < 2 ? 1 : 2}" } }`;
  });
  return `[[gateway]]
name = "web"
listen = "127.0.0.1:${port}"
protocol = "http"
hosts = ["a.test"]
[[virtual_service]]
hosts = ["a.test"]
${KINDS.map((kind) => route(kind, `"${kind}"`)).join("")}
${route("cookie", '"cookie"')}${route("v2", '[{ to = "versions", subset = "v2" }]')}${route("spare", '"spare"')}
${KINDS.map((kind) => `[service.${kind}]\nendpoints = ${plain}\nbalancer = "${kind}"\n${/ring|mag/.test(kind) ? 'hash = { header = "x-user" }\n' : ""}`).join("")}
[service.cookie]
endpoints = ${plain}
balancer = "maglev"
hash = { cookie = "stay", ttl = "1h" }
[service.versions]
endpoints = [${labelled.join(", ")}]
subsets = { v1 = { version = "v1" }, v2 = { version = "v2" } }
[service.spare]
endpoints = ["127.0.0.1:${refusing}", { address = "127.0.0.1:${ports[3]}", backup = true }]
`;
}

function route(path: string, to: string): string {
  return `[[virtual_service.http]]\nmatch = [{ path = { segment = "/${path}" } }]\nroute = ${to}\n`;
}

/** The body of an answer, on a connection of its own: the kernel chooses the worker. */
function ask({ port }: Stage, path: string, user?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { host: "a.test", ...(user === undefined ? {} : { "x-user": user }) };
    const sent = get({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve(`${response.statusCode === 200 ? "" : "!"}${text}`));
    });
    sent.setTimeout(DEADLINE_MS, () => sent.destroy(new Error("no answer")));
    sent.on("error", reject);
  });
}

/** How often each endpoint was asked; fails when something else answers. */
async function count(stage: Stage, path: string, userOf?: (i: number) => string) {
  const counts = new Map(NAMES.map((name) => [name, 0]));
  for (let i = 0; i < ASKED; i += 1) {
    const from = await ask(stage, path, userOf?.(i));
    const before = counts.get(from);
    assert.ok(before !== undefined, `${path}: ${from}`);
    counts.set(from, before + 1);
  }
  return [...counts.values()];
}

async function spreads(stage: Stage): Promise<void> {
  for (const kind of KINDS) {
    const counts = await count(stage, `/${kind}`, (i) => `user-${i}`);
    assert.ok(Math.min(...counts) >= 5, `${kind}: ${counts.join(" ")}`);
    // Each of the two workers is at most one turn ahead.
    if (kind === "round_robin") assert.ok(Math.max(...counts) - Math.min(...counts) <= 2);
  }
}

async function agrees(stage: Stage): Promise<void> {
  for (const kind of ["ring_hash", "maglev"]) {
    for (const user of ["ann", "bob", "eve"]) {
      const seen = new Set<string>();
      for (let i = 0; i < 16; i += 1) seen.add(await ask(stage, `/${kind}`, user));
      assert.equal(seen.size, 1, `${kind} ${user}: ${[...seen].join()}`);
    }
  }
}

async function sticks({ port, folder }: Stage): Promise<void> {
  const endpoints = new Set<string>();
  for (let client = 0; client < 8; client += 1) {
    const jar = join(folder, `jar-${client}`);
    const url = `http://a.test:${port}/cookie`;
    const args = ["-sSi", "-b", jar, "-c", jar, "--resolve", `a.test:${port}:127.0.0.1`, url];
    const first = (await runProgram("curl", args)).stdout;
    assert.match(first, /\r\nset-cookie: stay=[0-9a-f-]{36}; Path=\/; Max-Age=3600; HttpOnly; /i);
    const from = first.at(-1) ?? "";
    for (let i = 0; i < 4; i += 1) {
      const { stdout } = await runProgram("curl", args);
      assert.equal(stdout.at(-1), from);
      assert.doesNotMatch(stdout, /set-cookie/i);
    }
    endpoints.add(from);
  }
  assert.ok(endpoints.size > 1, [...endpoints].join());
}

async function keepsToSubset(stage: Stage): Promise<void> {
  const [a = 0, b = 0, c = 0, d = 0] = await count(stage, "/v2");
  assert.deepEqual([a, b], [0, 0]);
  assert.ok(c > 20 && d > 20, `${c} ${d}`);
}

async function takesOver(stage: Stage): Promise<void> {
  for (let i = 0; i < 10; i += 1) assert.equal(await ask(stage, "/spare"), "d");
}

async function reloads(stage: Stage): Promise<void> {
  const { gatehouse, port, ports } = stage;
  const config = configOf({ port, ports, refusing: await findFreePort() });
  const service = "[service.maglev]\nendpoints = ";
  const [before = "", after = ""] = config.split(service);
  gatehouse.writeConfig(
    before + service + after.replace('"maglev"\nhash = { header = "x-user" }', '"round_robin"'),
  );
  const { status, stderr } = await gatehouse.command("reload");
  assert.equal(status, 0, stderr);
  const counts = await count(stage, "/maglev", () => "ann");
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 2, counts.join(" "));
}
