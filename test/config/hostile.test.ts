/** Text made to break a parser: whatever comes in, findings come out. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { check } from "./check-text.ts";

const EXAMPLE = new URL("../../config.example.toml", import.meta.url);
const MUTATIONS = 2000;

test("checkConfig() never throws on mutations of the example", () => {
  const example = readFileSync(EXAMPLE);
  const random = createRandom(20_260_102);
  let refused = 0;
  for (let i = 0; i < MUTATIONS; i += 1) {
    const bytes = mutate(example, random);
    const { snapshot, lines } = check(bytes);
    assert.equal(
      snapshot === undefined,
      lines.some((line) => /^\d+:\d+: error: /.test(line)),
    );
    if (snapshot === undefined) refused += 1;
  }
  assert.ok(refused > MUTATIONS / 4, `only ${refused} of ${MUTATIONS} were refused`);
});

test("checkConfig() survives deep nesting in every bracket and key", () => {
  const depth = 100_000;
  for (const text of [
    `a = ${"[".repeat(depth)}`,
    `a = ${"[".repeat(depth)}${"]".repeat(depth)}`,
    `a = ${"{a=".repeat(depth)}`,
    `${"a.".repeat(depth)}a = 1`,
    `[${"a.".repeat(depth)}a]`,
    "[".repeat(depth),
    '"'.repeat(depth),
    "'".repeat(depth),
  ]) {
    const { snapshot, lines } = check(text);
    assert.equal(snapshot, undefined);
    assert.ok(lines.length > 0);
  }
});

test("checkConfig() survives a line of a megabyte, and says little of it", () => {
  const long = "x".repeat(1_000_000);
  for (const text of [
    `${long} = 1`,
    `workers = "${long}"`,
    `workers = ${"9".repeat(1_000_000)}`,
    `# ${long}`,
    `[service."${long}"]\nendpoints = 5`,
    `[[gateway]]\nname = "${long}"\nlisten = "${long}"\nprotocol = "${long}"\nhosts = ["${long}"]`,
  ]) {
    const { lines } = check(text);
    assert.ok(lines.length > 0);
    for (const line of lines) assert.ok(line.length < 2000, `${line.slice(0, 200)}…`);
  }
});

test("checkConfig() takes no key of the file for a property of an object", () => {
  const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf"];
  for (const name of names) {
    for (const text of [
      `${name} = 1`,
      `[${name}]\nx = 1`,
      `[labels]\n${name} = "x"`,
      `[service.${name}]\nendpoints = ["10.0.0.1:80"]`,
      `[[gateway]]\nname = "w"\nlisten = ":80"\nprotocol = "http"\nselector.${name} = "x"`,
      `[[virtual_service]]\nhosts = ["a.com"]\nhttp = [{ route = "${name}" }]`,
      `[[virtual_service]]\nhosts = ["a.com"]\nhttp = [{ respond = { status = 200, headers = { ${name} = "x" } } }]`,
    ]) {
      const { lines } = check(text);
      assert.ok(lines.length > 0, text);
    }
  }
  const text = `[[gateway]]\nname = "w"\nlisten = ":80"\nprotocol = "http"\nselector.toString = "x"\n`;
  assert.match(check(text).lines[0] ?? "", /this box has no label "toString"/);
  assert.equal("x" in {}, false);
});

/** One to four changes: a byte replaced, removed, doubled, or a run copied elsewhere. */
function mutate(original: Uint8Array, random: () => number): Uint8Array {
  let bytes = [...original];
  const changes = 1 + Math.floor(random() * 4);
  for (let i = 0; i < changes; i += 1) {
    const at = Math.floor(random() * bytes.length);
    const length = Math.floor(random() * 40);
    const kind = Math.floor(random() * 5);
    if (kind === 0) bytes[at] = Math.floor(random() * 256);
    else if (kind === 1) bytes.splice(at, 1 + Math.floor(length / 8));
    else if (kind === 2) bytes[at] = '[]{}"=.,#\n '.charCodeAt(Math.floor(random() * 11));
    else if (kind === 3) bytes.splice(at, 0, ...bytes.slice(at, at + length));
    else bytes = [...bytes.slice(0, at), ...bytes.slice(at + length)];
  }
  return Uint8Array.from(bytes);
}

/** mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
