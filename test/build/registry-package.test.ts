import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test, type TestContext } from "node:test";
import { readLockedPackage } from "../../build/project.ts";
import { assertIntegrity, fetchPackage } from "../../build/registry-package.ts";

const ARCHIVE = "the archive";
const INTEGRITY = `sha512-${createHash("sha512").update(ARCHIVE).digest("base64")}`;
const WRONG = `sha512-${createHash("sha512").update("another").digest("base64")}`;

test("fetchPackage() keeps an archive whose hash is right and does not fetch it again", async (t) => {
  const { folders, calls } = stubRegistry(t);
  const wanted = { name: "some-package", version: "1.2.3", integrity: INTEGRITY };
  const path = await fetchPackage(wanted, folders);
  assert.equal(path, join(folders.cache, "some-package-1.2.3.tgz"));
  assert.equal(readFileSync(path, "utf8"), ARCHIVE);
  assert.equal(await fetchPackage(wanted, folders), path);
  assert.equal(calls(), 1);
});

test("fetchPackage() refuses an archive with another hash and keeps nothing", async (t) => {
  const { folders } = stubRegistry(t);
  const wanted = { name: "some-package", version: "1.2.3", integrity: WRONG };
  await assert.rejects(fetchPackage(wanted, folders), /integrity/);
  assert.equal(existsSync(folders.cache), false);
});

test("fetchPackage() refuses a cached archive that was changed", async (t) => {
  const { folders } = stubRegistry(t);
  const wanted = { name: "some-package", version: "1.2.3", integrity: INTEGRITY };
  writeFileSync(await fetchPackage(wanted, folders), "changed");
  await assert.rejects(fetchPackage(wanted, folders), /integrity/);
});

test("assertIntegrity() takes nothing weaker than SHA-512", (t) => {
  const { folders } = stubRegistry(t);
  const path = join(folders.work, "file");
  writeFileSync(path, ARCHIVE);
  assertIntegrity(path, INTEGRITY);
  const weak = `sha1-${createHash("sha1").update(ARCHIVE).digest("base64")}`;
  assert.throws(() => assertIntegrity(path, weak), /integrity/);
  assert.throws(() => assertIntegrity(path, ""), /integrity/);
});

test("readLockedPackage() has a SHA-512 for every base and throws for what is not pinned", () => {
  for (const arch of ["x64", "arm64"]) {
    const { version, integrity } = readLockedPackage(`node-linux-${arch}`);
    assert.equal(`v${version}`, process.version);
    assert.match(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/);
  }
  assert.throws(() => readLockedPackage("node-linux-vax"), /does not pin/);
});

/** Puts an `npm` first on PATH that "fetches" ARCHIVE, and says how often it ran. */
function stubRegistry(t: TestContext): {
  readonly folders: { readonly cache: string; readonly work: string };
  readonly calls: () => number;
} {
  const root = mkdtempSync(join(tmpdir(), "gatehouse-registry-"));
  const path = process.env["PATH"];
  t.after(() => {
    process.env["PATH"] = path;
    rmSync(root, { recursive: true });
  });
  const script = `#!/bin/sh
touch "${root}/call-$$"
for arg; do case "$arg" in --pack-destination=*) to="\${arg#*=}";; esac; done
printf '%s' '${ARCHIVE}' > "$to/some-package-1.2.3.tgz"
`;
  writeFileSync(join(root, "npm"), script, { mode: 0o755 });
  process.env["PATH"] = `${root}${delimiter}${path ?? ""}`;
  return {
    folders: { cache: join(root, "cache"), work: root },
    calls: () => readdirSync(root).filter((name) => name.startsWith("call-")).length,
  };
}
