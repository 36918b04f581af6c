import assert from "node:assert/strict";
import { test } from "node:test";
import { FieldLines } from "../../../src/core/http1/field-lines.ts";
import { BODY_CHUNKED } from "../../../src/core/http1/framing.ts";
import { seededRandom } from "../tls/seeded-random.ts";
import { forwarded } from "./forwarded.ts";
import { MUTATION_CORPUS, mutateRequest } from "./mutate-request.ts";
import { type StreamedRequest, readRequests } from "./request-stream.ts";

const MUTATIONS = 20_000;

/** All that a second reader of the same request must see. Hop-by-hop fields and the minor version may differ. */
function essence({ head, body }: StreamedRequest): unknown {
  const { method, path, query, section, expectContinue } = head;
  const { contentLength, chunked, teTrailers, lines } = section;
  return {
    method,
    path,
    query,
    body,
    contentLength,
    chunked,
    teTrailers,
    expectContinue,
    fields: lines.list,
  };
}

/** Exactly one Host and at most one framing, and the one that was read. */
function checkHead({ head }: StreamedRequest, text: string): void {
  const names = text
    .slice(0, text.indexOf("\r\n\r\n"))
    .split("\r\n")
    .slice(1)
    .map((line) => line.slice(0, line.indexOf(":")).toLowerCase());
  const count = (name: string): number => names.filter((other) => other === name).length;
  assert.equal(count("host"), 1);
  assert.equal(count("transfer-encoding"), head.body === BODY_CHUNKED ? 1 : 0);
  assert.equal(count("content-length"), head.section.contentLength >= 0 ? 1 : 0);
  assert.ok(count("transfer-encoding") + count("content-length") <= 1);
  assert.match(text, /^[!-~]+ [!-~]+ HTTP\/1\.1\r\n/);
  assert.doesNotMatch(text, /[^\r]\n|\r[^\n]/);
}

test(`what is taken of ${MUTATIONS} mutated requests is forwarded as the same requests`, () => {
  const random = seededRandom(20_000);
  const seen = { taken: 0, refused: 0, incomplete: 0 };
  for (let i = 0; i < MUTATIONS; i += 1) {
    const bytes = mutateRequest(MUTATION_CORPUS, random);
    const before = Buffer.from(bytes);
    const { requests, end } = readRequests(bytes);
    const hint = JSON.stringify(bytes.toString("latin1"));
    assert.deepEqual(bytes, before, "reading changed the bytes");
    if (requests.length > 0) seen.taken += 1;
    if (end === "incomplete") seen.incomplete += 1;
    else if (end !== "complete" && end !== "closing") seen.refused += 1;

    for (const request of requests) {
      const { lines } = request.head.section;
      assert.equal(
        lines.text,
        FieldLines.of(lines.list).text,
        "as each line would be written anew",
      );
      const text = forwarded([{ ...request, body: Buffer.alloc(0) }]).toString("latin1");
      checkHead(request, text);
    }
    const wire = forwarded(requests);
    const again = readRequests(wire);
    assert.equal(again.end, "complete", hint);
    assert.deepEqual(again.requests.map(essence), requests.map(essence), hint);
    assert.deepEqual(forwarded(again.requests), wire, hint);
  }
  // The mutations are worth something only if all three outcomes are common.
  for (const count of Object.values(seen)) assert.ok(count > MUTATIONS / 10, JSON.stringify(seen));
});
