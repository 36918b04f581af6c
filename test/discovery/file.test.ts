import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { type TestContext, describe, test } from "node:test";
import { type Harness, createHarness, service } from "./harness.ts";

const LOOK_MS = 1000;

interface FileHarness extends Harness {
  readonly path: string;
  /** Replaces the file as one should: by a new one of another name. */
  replace(text: string | Buffer): void;
  /** The next look, which finds whatever is there now. */
  look(): Promise<void>;
}

/** A service whose file says this at the start; undefined = there is none. */
async function start(t: TestContext, text?: string): Promise<FileHarness> {
  const h = await createHarness(t);
  const path = join(h.folder, "list.json");
  if (text !== undefined) writeFileSync(path, text);
  await h.start(service("web", `file ${path}`), service("other", "10.0.0.99:80"));
  return {
    ...h,
    path,
    replace: (next) => {
      writeFileSync(`${path}.new`, next);
      renameSync(`${path}.new`, path);
    },
    look: () => look(h),
  };
}

async function look(h: Harness): Promise<void> {
  h.clock.advance(LOOK_MS);
  const next = h.clock.now() + LOOK_MS;
  while (h.discovery.status("web")[0]?.nextAt !== next) await setImmediate();
}

const webOf = (h: Harness) => h.published.filter((each) => each.startsWith("web"));
const warningsOf = (h: Harness) =>
  h.logged.filter(({ level }) => level === "warning").map(({ fields }) => fields);

test("apply() publishes what the file lists, and what replaces it, to its service alone", async (t) => {
  const h = await start(t, '["10.0.0.1:80", { "address": "10.0.0.2:80", "weight": 3 }]');
  assert.deepEqual(h.published, ["other: 10.0.0.99:80", "web: 10.0.0.1:80 10.0.0.2:80"]);
  assert.equal(h.discovery.endpoints()["web"]?.[1]?.weight, 3);
  await h.look();
  await h.look();
  assert.equal(h.published.length, 2, "the same is no news");
  h.replace('["10.0.0.2:80", "unix:/run/app"]');
  await h.look();
  assert.deepEqual(h.published.slice(2), ["web: 10.0.0.2:80 unix:/run/app"]);
  h.replace("[]");
  await h.look();
  assert.deepEqual(h.published.slice(3), ["web: "]);
});

const one = (more: string) => `[{ "address": "10.0.0.1:80", ${more} }]`;

test("apply() publishes other labels, zones and priorities of the same addresses", async (t) => {
  const h = await start(t, one('"labels": { "v": "1" }'));
  for (const more of ['"labels": { "v": "2" }', '"zone": "a"', '"backup": true', '"weight": 2']) {
    const before = webOf(h).length;
    h.replace(one(more));
    await h.look();
    assert.equal(webOf(h).length, before + 1, more);
  }
});

test("apply() without the file has no endpoint, says so once, and finds it later", async (t) => {
  const h = await start(t);
  assert.deepEqual(webOf(h), []);
  assert.deepEqual(warningsOf(h), [{ path: h.path, error: "does not exist", kept: 0 }]);
  await h.look();
  await h.look();
  assert.equal(h.logged.length, 1);
  const [status] = h.discovery.status("web");
  assert.deepEqual([status?.kind, status?.error], ["file", "does not exist"]);
  h.replace('["10.0.0.1:80"]');
  await h.look();
  assert.deepEqual(webOf(h), ["web: 10.0.0.1:80"]);
  const [found] = h.discovery.status("web");
  assert.deepEqual(
    [found?.error, found?.addresses, found?.resolvedAt],
    [undefined, ["10.0.0.1:80"], h.clock.now()],
  );
});

describe("apply() keeps the last good list through", () => {
  const WRONG: Readonly<Record<string, readonly [(h: FileHarness) => void, error: RegExp]>> = {
    "half a file": [(h) => h.replace('["10.0.0.1:80", "10.'), /^is not JSON: it ends too early$/],
    "a wrong value": [(h) => h.replace('["10.0.0.1"]'), /^\[0\]: a port is missing/],
    NUL: [(h) => h.replace('["10.0.0.1:80\0"]'), /^is not JSON: a mistake at line 1, column 14$/],
    "no file": [(h) => rmSync(h.path), /^does not exist$/],
    "a directory": [
      (h) => {
        rmSync(h.path);
        mkdirSync(h.path);
      },
      /^is a directory$/,
    ],
    "a named pipe": [
      (h) => {
        rmSync(h.path);
        spawnSync("mkfifo", [h.path]);
      },
      /^is not a file$/,
    ],
    "a device": [
      (h) => {
        rmSync(h.path);
        symlinkSync("/dev/zero", h.path);
      },
      /^is not a file$/,
    ],
    "a circle of links": [
      (h) => {
        rmSync(h.path);
        symlinkSync(h.path, h.path);
      },
      /^is a circle of symbolic links$/,
    ],
    "100 MiB": [(h) => truncateSync(h.path, 100 * 1024 * 1024), /^is larger than 4 MiB$/],
  };
  for (const [name, [spoil, error]] of Object.entries(WRONG)) {
    test(name, async (t) => {
      const h = await start(t, '["10.0.0.1:80"]');
      spoil(h);
      await h.look();
      assert.deepEqual(warningsOf(h), [], "it may not be finished yet");
      await h.look();
      await h.look();
      const [warning, ...others] = warningsOf(h);
      assert.deepEqual(others, []);
      assert.match(String(warning?.["error"]), error);
      assert.deepEqual([warning?.["path"], warning?.["kept"]], [h.path, 1]);
      assert.match(h.discovery.status("web")[0]?.error ?? "", error);
      assert.deepEqual(webOf(h), ["web: 10.0.0.1:80"]);
      rmSync(h.path, { recursive: true, force: true });
      h.replace('["10.0.0.2:80"]');
      await h.look();
      assert.equal(webOf(h).at(-1), "web: 10.0.0.2:80");
      assert.equal(h.logged.at(-1)?.message, "file of endpoints is good again");
      assert.equal(h.discovery.status("web")[0]?.error, undefined);
    });
  }
});

test("apply() says nothing of a file that is right at the next look", async (t) => {
  const h = await start(t, '["10.0.0.1:80"]');
  writeFileSync(h.path, '["10.0.0.2');
  await h.look();
  writeFileSync(h.path, '["10.0.0.2:80"]');
  await h.look();
  assert.equal(webOf(h).at(-1), "web: 10.0.0.2:80");
  assert.deepEqual(warningsOf(h), []);
});

test("apply() notices a second change that looks the same from outside", async (t) => {
  const h = await start(t, '["10.0.0.1:80"]');
  // In place, of the same length, at the same time: as two writes within a tick of the file system's clock.
  const at = new Date(1_700_000_000_000);
  h.replace('["10.0.0.2:80"]');
  utimesSync(h.path, at, at);
  await h.look();
  assert.equal(webOf(h).at(-1), "web: 10.0.0.2:80");
  writeFileSync(h.path, '["10.0.0.3:80"]');
  utimesSync(h.path, at, at);
  await h.look();
  assert.equal(webOf(h).at(-1), "web: 10.0.0.3:80");
});

test("apply() follows a link to where it leads now", async (t) => {
  const h = await createHarness(t);
  for (const version of ["1", "2"]) {
    mkdirSync(join(h.folder, version));
    writeFileSync(join(h.folder, version, "list.json"), `["10.0.0.${version}:80"]`);
  }
  // As Kubernetes writes a ConfigMap: the link in the middle is replaced, the last one never.
  symlinkSync("1", join(h.folder, "..data"));
  symlinkSync("..data/list.json", join(h.folder, "list.json"));
  await h.start(service("web", `file ${join(h.folder, "list.json")}`));
  await look(h);
  symlinkSync("2", join(h.folder, "..new"));
  renameSync(join(h.folder, "..new"), join(h.folder, "..data"));
  await look(h);
  assert.deepEqual(h.published, ["web: 10.0.0.1:80", "web: 10.0.0.2:80"]);
});

test("apply() has the last of many changes", async (t) => {
  const h = await start(t, "[]");
  for (let i = 0; i < 200; i += 1) {
    h.replace(`["10.0.0.${i}:80"]`);
    if (i % 50 === 0) await h.look();
  }
  await h.look();
  assert.equal(webOf(h).at(-1), "web: 10.0.0.199:80");
  assert.ok(webOf(h).length <= 5);
});

test("apply() looks names of the file up, and lets them take over when they are known", async (t) => {
  const h = await start(t, '["10.0.0.1:80"]');
  h.dns.zone.set("a.test", { A: ["10.0.0.2"], ttl: 300 });
  h.dns.zone.set("slow.test", { A: "silence", AAAA: "silence" });
  h.replace('["10.0.0.3:80", "a.test:81", "slow.test:82"]');
  await h.look();
  await h.publishes(3);
  // slow.test was waited for and brought nothing.
  assert.deepEqual(webOf(h), ["web: 10.0.0.1:80", "web: 10.0.0.3:80 10.0.0.2:81"]);
  assert.deepEqual(
    h.discovery.status("web").map(({ kind, host }) => `${kind} ${host}`),
    [`file ${h.path}`, "name a.test", "name slow.test"],
  );
  h.replace('["absent.test:80"]');
  await h.look();
  assert.equal(webOf(h).length, 2, "none of its names has an address");
  h.dns.zone.set("absent.test", { A: ["10.0.0.4"], ttl: 300 });
  h.clock.advance(LOOK_MS);
  await h.publishes(4);
  assert.equal(webOf(h).at(-1), "web: 10.0.0.4:80");
});

test("apply() of the services before finds their file as it was; close() leaves no timer", async (t) => {
  const h = await start(t, '["10.0.0.1:80"]');
  const web = service("web", `file ${h.path}`);
  h.discovery.apply([service("web", "10.0.0.9:80")], [h.dns.address]);
  h.discovery.apply([web], [h.dns.address]);
  assert.deepEqual(webOf(h), ["web: 10.0.0.1:80", "web: 10.0.0.9:80", "web: 10.0.0.1:80"]);
  h.replace('["10.0.0.2:80"]');
  await h.look();
  assert.equal(webOf(h).at(-1), "web: 10.0.0.2:80");
  h.discovery.close();
  assert.equal(h.clock.pending, 0);
});

test("apply() uses at most 10,000 endpoints of a service and says so", async (t) => {
  const h = await createHarness(t);
  const path = join(h.folder, "list.json");
  const addresses = Array.from({ length: 10_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}:80`);
  writeFileSync(path, JSON.stringify(addresses));
  await h.start(service("web", "10.0.0.1:80", `file ${path}`));
  const endpoints = h.discovery.endpoints()["web"]?.map(({ name }) => name);
  assert.deepEqual(endpoints, ["10.0.0.1:80", ...addresses.slice(0, -1)]);
  assert.deepEqual(warningsOf(h), [{ service: "web", endpoints: 10_000, left_out: 1 }]);
});
