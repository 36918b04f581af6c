import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMANDS } from "../../src/cli/commands.ts";
import { runWords } from "./fixtures/io.ts";

test("gatehouse without a command prints help to stderr and exits 2", async () => {
  const { code, stdout, stderr } = await runWords([]);
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /^Usage: gatehouse COMMAND/m);
});

for (const words of [["help"], ["--help"], ["-h"]]) {
  test(`gatehouse ${words.join(" ")} lists every command on stdout and exits 0`, async () => {
    const { code, stdout, stderr } = await runWords(words);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    for (const { name, summary } of COMMANDS) {
      assert.match(stdout, new RegExp(`^  ${name} +${summary}$`, "m"));
    }
  });
}

for (const command of COMMANDS) {
  for (const words of [
    [command.name, "--help"],
    [command.name, "-h"],
    ["help", command.name],
  ]) {
    test(`gatehouse ${words.join(" ")} explains every option and exits 0`, async () => {
      const { code, stdout } = await runWords(words);
      assert.equal(code, 0);
      for (const { name } of command.options) assert.ok(stdout.includes(`--${name}`), stdout);
      assert.ok(stdout.split("\n").every((line) => line.length <= 110));
    });
  }
}

const WRONG: readonly [words: readonly string[], message: RegExp][] = [
  [["chekc"], /^gatehouse: unknown command 'chekc'; did you mean check\?\n$/],
  [["reloda"], /did you mean reload\?/],
  [["help", "shwo"], /did you mean show\?/],
  [["explain"], /^gatehouse explain: URL is missing\. See gatehouse explain --help\n$/],
  [["endpoint"], /^gatehouse endpoint: out\|in SERVICE ADDRESS is expected\. See/],
  [["endpoint", "out", "web"], /out\|in SERVICE ADDRESS is expected/],
  [["endpoint", "off", "web", "a"], /^gatehouse endpoint: expected out or in, found 'off'\n$/],
  [["completion"], /unknown command 'completion'/],
  [["x\u001b[2J"], /unknown command 'x\\u001b\[2J'/],
  [["check", "-c"], /Option '-c, --config' needs a value\. See/],
  [["check", "file"], /Unexpected argument 'file'/],
  [["check", "--json=yes"], /does not take an argument/],
  [["run", "--watch"], /Unknown option '--watch'/],
  [["show"], /One of listeners\|routes\|services\|endpoints\|connections\|snapshot is missing/],
  [
    ["show", "weather"],
    /cannot show 'weather'; there are listeners, routes, services, endpoints, connections, snapshot/,
  ],
  [["show", "endpoints", "--service", "web"], /--service is for connections/],
  [["show", "conections"], /cannot show 'conections'; did you mean connections\?/],
  [["show", "routes", "--client", "10.0.0.1"], /--client is for connections/],
  [["show", "connections", "--client", "x"], /client is an IP address or a network/],
  [["show", "connections", "--limit", "1001"], /limit is a number from 1 to 1000; found "1001"/],
  [["show", "listners"], /did you mean listeners\?/],
  [["show", "routes", "more"], /Unexpected argument 'more'/],
  [["show", "routes", "--admin", "nowhere"], /'nowhere' \(from --admin\) is no address/],
  [["show", "routes", "--watch"], /--watch needs a terminal/],
  [["show", "routes", "--watch", "--json"], /exclude each other/],
  [["demo", "--http-port", "65536"], /a port is a number from 0 to 65535/],
  [["demo", "--tls-port", "https"], /a port is a number from 0 to 65535/],
];
for (const [words, message] of WRONG) {
  test(`gatehouse ${JSON.stringify(words)} exits 2 with one line`, async () => {
    const { code, stdout, stderr } = await runWords(words);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    assert.equal(stderr.split("\n").length, 2);
  });
}

test("gatehouse version names version, commit and runtime, as text and as JSON", async () => {
  const { code, stdout } = await runWords(["version"]);
  assert.equal(code, 0);
  assert.match(stdout, /^gatehouse \S+ \(commit \S+, Node \d+\.\d+\.\d+\)\n$/);
  const json = JSON.parse((await runWords(["version", "--json"])).stdout);
  assert.deepEqual(Object.keys(json), ["version", "commit", "runtime"]);
  assert.equal((await runWords(["--version"])).stdout, stdout);
});

test("gatehouse schema prints a JSON Schema of the configuration", async () => {
  const { code, stdout } = await runWords(["schema"]);
  assert.equal(code, 0);
  const schema = JSON.parse(stdout);
  assert.match(schema.$schema, /json-schema\.org/);
  assert.ok("gateway" in schema.properties);
});
