import assert from "node:assert/strict";
import { test } from "node:test";
import { escapeUnsafe, formatJsonEntry, formatTextEntry } from "../../src/telemetry/log-format.ts";
import { createLogger } from "../../src/telemetry/log.ts";

const TIME = Date.UTC(2026, 10, 22, 11, 20, 8, 123);

test("formatJsonEntry() puts time, level, message and the fields into one flat object", () => {
  const line = formatJsonEntry({
    time: TIME,
    level: "warning",
    message: "no endpoint",
    fields: { service: "my-nginx", tries: 3, gone: undefined },
  });
  assert.equal(
    line,
    '{"time":"2026-11-22T11:20:08.123Z","level":"warning","message":"no endpoint","service":"my-nginx","tries":3}\n',
  );
});

test("formatJsonEntry() lets no field replace time, level or message", () => {
  const fields = { message: "forged", level: "debug", time: 0 };
  const line = formatJsonEntry({ time: TIME, level: "error", message: "real", fields });
  assert.deepEqual(JSON.parse(line), {
    time: "2026-11-22T11:20:08.123Z",
    level: "error",
    message: "real",
  });
});

test("formatJsonEntry() says what JSON cannot: errors, BigInt, cycles", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  const fields = { error: new Error("boo"), big: 10n, cycle };
  const parsed: unknown = JSON.parse(
    formatJsonEntry({ time: TIME, level: "info", message: "x", fields }),
  );
  assert.deepEqual(parsed, {
    time: "2026-11-22T11:20:08.123Z",
    level: "info",
    message: "x",
    error: "boo",
    big: "10",
    cycle: "[object Object]",
  });
});

const TEXT_VALUES: readonly [value: unknown, shown: string][] = [
  ["10.0.0.1:80", "10.0.0.1:80"],
  ["[::1]:80", "[::1]:80"],
  ["two words", '"two words"'],
  ["", '""'],
  ['a"b', '"a\\"b"'],
  ["a=b", '"a=b"'],
  ["line\nfeed", '"line\\nfeed"'],
  ["\u001b[31mred", '"\\u001b[31mred"'],
  ["\u009b31m", '"\\u009b31m"'],
  ["\u202Eevil", '"\\u202eevil"'],
  [12.5, "12.5"],
  [false, "false"],
  [null, "null"],
  [["a", 1], '["a",1]'],
];

for (const [value, shown] of TEXT_VALUES) {
  test(`formatTextEntry() shows ${JSON.stringify(value)} as ${shown}`, () => {
    const entry = { time: TIME, level: "info", message: "hello", fields: { key: value } } as const;
    assert.equal(
      formatTextEntry(entry, false),
      `2026-11-22T11:20:08.123Z INFO    hello key=${shown}\n`,
    );
  });
}

test("formatTextEntry() writes one line without control characters, whatever the message is", () => {
  const entry = { time: TIME, level: "error", message: "a\r\nb\u001b[2J", fields: {} } as const;
  assert.equal(
    formatTextEntry(entry, false),
    "2026-11-22T11:20:08.123Z ERROR   a\\u000d\\u000ab\\u001b[2J\n",
  );
});

test("formatTextEntry() colours the level only when asked to", () => {
  const entry = { time: TIME, level: "error", message: "x", fields: {} } as const;
  assert.ok(formatTextEntry(entry, true).includes("\u001b[31mERROR"));
  assert.ok(!formatTextEntry(entry, false).includes("\u001b"));
});

test("escapeUnsafe() leaves letters of any language alone", () => {
  assert.equal(escapeUnsafe("Grüße, 世界"), "Grüße, 世界");
});

test("createLogger() drops what is below the level and follows reconfigure()", () => {
  const lines: string[] = [];
  const logger = createLogger(
    { level: "warning", format: "json" },
    { write: (line) => lines.push(line) },
  );
  logger.info("too low");
  logger.warning("shown", { a: 1 });
  logger.reconfigure({ level: "debug", format: "text" });
  logger.debug("now shown");
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? "", /"level":"warning","message":"shown","a":1/);
  assert.match(lines[1] ?? "", / DEBUG +now shown\n$/);
});

test("createLogger() takes braces in a message as they stand", () => {
  const lines: string[] = [];
  const logger = createLogger(
    { level: "info", format: "text" },
    { write: (line) => lines.push(line), colour: false },
  );
  logger.info("path /{id} {{x}}", { id: "secret" });
  assert.match(lines[0] ?? "", /path \/\{id\} \{\{x\}\} id=secret\n$/);
});
