import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  PLACEHOLDERS,
  type TemplateValues,
  editFields,
  fillTemplate,
  parseTemplate,
} from "../../src/core/headers-template.ts";
import type { HeaderTemplate } from "../../src/core/model.ts";

const VALUES = Object.fromEntries(
  PLACEHOLDERS.map((name) => [name, `<${name}>`]),
) as TemplateValues;

function fill(text: string, values = VALUES): string {
  const parsed = parseTemplate(text);
  assert.ok(parsed.ok);
  return fillTemplate(parsed.value, values);
}

describe("parseTemplate() and fillTemplate()", () => {
  const ROWS: readonly (readonly [template: string, value: string])[] = [
    ["plain", "plain"],
    ["", ""],
    ["{client_ip}", "<client_ip>"],
    ["a {method} b {path}?{query}", "a <method> b <path>?<query>"],
    ["{host}{host}", "<host><host>"],
    ["{{host}}", "{host}"],
    ["{{{host}}}", "{<host>}"],
  ];
  for (const [template, value] of ROWS) {
    test(template, () => assert.equal(fill(template), value));
  }

  test("know every placeholder", () => {
    for (const name of PLACEHOLDERS) assert.equal(fill(`{${name}}`), `<${name}>`);
  });

  for (const template of [
    "{nobody}",
    "{",
    "}",
    "{}",
    "{sni}",
    "a{host",
    "{ host }",
    "{__proto__}",
  ]) {
    test(`refuse ${template}`, () => assert.ok(!parseTemplate(template).ok));
  }

  test("never end a line, whatever the request held", () => {
    const host = "a\r\nX-Evil: 1\0é\u2028 ";
    assert.equal(fill("{host}", { ...VALUES, host }), "aX-Evil: 1");
  });
});

function part(name: string, value: string): HeaderTemplate {
  return { name, value: [value] };
}

describe("editFields()", () => {
  const fields = ["A", "1", "b", "2", "a", "3"];

  test("removes all lines of a name, whatever their case", () => {
    assert.deepEqual(editFields(fields, { remove: ["a"], set: [], add: [] }, VALUES), ["b", "2"]);
  });

  test("sets in place of all lines, adds beside them", () => {
    const edit = { remove: [], set: [part("A", "x")], add: [part("B", "y")] };
    assert.deepEqual(editFields(fields, edit, VALUES), ["b", "2", "A", "x", "B", "y"]);
  });

  test("removes before it adds", () => {
    const edit = { remove: ["b"], set: [], add: [part("b", "new")] };
    assert.deepEqual(editFields(fields, edit, VALUES), ["A", "1", "a", "3", "b", "new"]);
  });
});
