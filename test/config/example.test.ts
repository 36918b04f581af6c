/** The example file and the schema, tested against each other. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { parseToml } from "../../src/config/toml.ts";
import { buildJsonSchema } from "../../src/config/json-schema.ts";
import { PemFolder, TestAuthority } from "../certificates.ts";
import { check } from "./check-text.ts";

/** The files that the example names. */
const FILES = new PemFolder({ after });
const AUTHORITY = await TestAuthority.make();
FILES.keep("ca", AUTHORITY.own);
const VALID = { fromMs: Date.UTC(2025), toMs: Date.UTC(2027) };
FILES.keep("own", await AUTHORITY.issue(["own"], VALID));

const EXAMPLE = readFileSync(
  new URL("../../config.example.toml", import.meta.url),
  "utf8",
).replaceAll("/etc/gatehouse/", `${FILES.folder}/`);
/** With every `#key = …` said; prose begins with "# ". */
const EVERY_KEY = EXAMPLE.replace(/^#(?=\S)/gm, "");
/** Without `file`, which stands in the place of another key. */
const UNCOMMENTED = EVERY_KEY.replace(/^file = .*$/gm, "");

interface JsonSchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchemaNode>>;
  readonly items?: JsonSchemaNode;
  readonly anyOf?: readonly JsonSchemaNode[];
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchemaNode;
  readonly default?: unknown;
  readonly description?: string;
  readonly pattern?: string;
}

test("config.example.toml passes the check without a single finding", () => {
  const { snapshot, lines } = check(EXAMPLE);
  assert.deepEqual(lines, []);
  assert.equal(snapshot?.gateways.length, 5);
});

test("config.example.toml passes without a finding when every key is said", () => {
  assert.notEqual(UNCOMMENTED, EXAMPLE);
  assert.deepEqual(check(UNCOMMENTED).lines, []);
});

test("config.example.toml shows the defaults: saying them changes nothing but what has no default", () => {
  const shown = check(EXAMPLE).snapshot;
  const said = check(UNCOMMENTED.replace(/^(selector|region|servers|tls) .*$/gm, "")).snapshot;
  assert.ok(shown && said);
  assert.deepEqual(JSON.stringify({ ...said, hash: "" }), JSON.stringify({ ...shown, hash: "" }));
});

test("config.example.toml begins with the seed", () => {
  const seed = EXAMPLE.slice(EXAMPLE.indexOf("[[gateway]]"), EXAMPLE.indexOf("# ---- A gateway"));
  const { snapshot, lines } = check(seed);
  assert.deepEqual(lines, []);
  assert.deepEqual(
    snapshot?.services.map(({ name }) => name),
    ["my-nginx", "nginx.com"],
  );
});

test("config.example.toml shows every key of the schema", () => {
  const said = new Set<string>();
  collectSaid(valuesOf(EVERY_KEY), "", said);
  const known = new Set<string>();
  collectKnown(schema(), "", known);
  const shown = new Set([...said].map(asCondition));
  assert.deepEqual(
    [...known].map(asCondition).filter((path) => !shown.has(path)),
    [],
  );
});

/** What a header and a query parameter are compared with is one thing, to be shown once. */
function asCondition(path: string): string {
  return path.replace(/\.match\.(?:headers|without_headers|query)\.[^.]+\./, ".match.VALUE.");
}

test("buildJsonSchema() takes the example, bare and with every key said", () => {
  assert.deepEqual(problems(schema(), valuesOf(EXAMPLE), ""), []);
  assert.deepEqual(problems(schema(), valuesOf(EVERY_KEY), ""), []);
});

test("buildJsonSchema() refuses unknown and unsupported keys and words", () => {
  const values = valuesOf(
    'worker = 1\n[[gateway]]\nname = "x"\nlisten = ":80"\nprotocol = "https"\ntls.client_ca = "x"\nlimits.body = "1EiB"\nlimits.requests_per_connection = "on"\ntimeouts.hello = "5"',
  );
  assert.deepEqual(problems(schema(), values, ""), [
    ".worker: not allowed",
    ".gateway[0].protocol: not one of http,tls,tcp",
    ".gateway[0].tls.client_ca: not allowed",
    ".gateway[0].limits.body: does not match",
    ".gateway[0].limits.requests_per_connection: not one of off",
    ".gateway[0].limits.requests_per_connection: not integer",
    ".gateway[0].timeouts.hello: does not match",
  ]);
});

test("buildJsonSchema() describes every key, with defaults as the user writes them", () => {
  const root = schema();
  const walk = (node: JsonSchemaNode, path: string): void => {
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      assert.ok(child.description, `${path}.${key} has no description`);
      walk(child, `${path}.${key}`);
    }
    if (node.items !== undefined) walk(node.items, `${path}[]`);
    for (const option of node.anyOf ?? []) walk(option, path);
  };
  walk(root, "");
  const gateway = root.properties?.["gateway"]?.items;
  assert.equal(gateway?.properties?.["timeouts"]?.properties?.["hello"]?.default, "10s");
  assert.equal(gateway?.properties?.["limits"]?.properties?.["hello"]?.default, "64KiB");
  assert.equal((root as { $schema?: string }).$schema, "http://json-schema.org/draft-07/schema#");
});

function schema(): JsonSchemaNode {
  return JSON.parse(JSON.stringify(buildJsonSchema())) as JsonSchemaNode;
}

function valuesOf(text: string): unknown {
  const parsed = parseToml(text);
  assert.ok(parsed.ok);
  return JSON.parse(JSON.stringify(parsed.value.root));
}

/** `gateway.limits.hello`, without indexes and without names that the user chose. */
function collectSaid(value: unknown, path: string, found: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) collectSaid(item, path, found);
  else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const isNamed =
        path === ".service" ||
        /\.(?:labels|subsets|subsets\.\*)$|respond\.headers$|\.(?:set|add)$/.test(path);
      const below = isNamed ? `${path}.*` : `${path}.${key}`;
      found.add(below);
      collectSaid(item, below, found);
    }
  }
}

function collectKnown(node: JsonSchemaNode, path: string, found: Set<string>): void {
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    found.add(`${path}.${key}`);
    collectKnown(child, `${path}.${key}`, found);
  }
  if (node.items !== undefined) collectKnown(node.items, path, found);
  for (const option of node.anyOf ?? []) collectKnown(option, path, found);
  if (typeof node.additionalProperties === "object") {
    collectKnown(node.additionalProperties, `${path}.*`, found);
  }
}

/** As much of JSON Schema as the schema uses. */
function problems(node: JsonSchemaNode, value: unknown, path: string): string[] {
  if (node.anyOf !== undefined) {
    const all = node.anyOf.map((option) => problems(option, value, path));
    return all.find((found) => found.length === 0) ?? all.flat();
  }
  if (node.enum !== undefined && !node.enum.includes(value)) {
    return [`${path}: not one of ${node.enum.join()}`];
  }
  const type = Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
  if (
    node.type !== undefined &&
    node.type !== type &&
    !(node.type === "number" && type === "integer")
  ) {
    return [`${path}: not ${node.type}`];
  }
  if (node.pattern !== undefined && !new RegExp(node.pattern).test(String(value))) {
    return [`${path}: does not match`];
  }
  if (Array.isArray(value)) {
    return value.flatMap((item, i) => problems(node.items ?? {}, item, `${path}[${i}]`));
  }
  return type === "object" ? objectProblems(node, value as Record<string, unknown>, path) : [];
}

function objectProblems(
  { properties = {}, required = [], additionalProperties }: JsonSchemaNode,
  value: Record<string, unknown>,
  path: string,
): string[] {
  const missing = required.filter((key) => !(key in value)).map((key) => `${path}.${key}: missing`);
  const others = Object.entries(value).flatMap(([key, item]) => {
    const child = properties[key] ?? additionalProperties;
    if (child === false) return [`${path}.${key}: not allowed`];
    return problems(typeof child === "object" ? child : {}, item, `${path}.${key}`);
  });
  return [...missing, ...others];
}
