import assert from "node:assert/strict";
import { METHODS } from "node:http";
import { test } from "node:test";
import { CONNECTION_UPGRADE } from "../../../src/core/http1/fields.ts";
import { BODY_CHUNKED } from "../../../src/core/http1/framing.ts";
import { parseTarget } from "../../../src/core/http1/target.ts";
import { seededRandom } from "../tls/seeded-random.ts";
import { forwarded } from "./forwarded.ts";
import { MUTATION_CORPUS, mutateRequest } from "./mutate-request.ts";
import { NodeHttpReader, type NodeOutcome, type NodeRequest } from "./node-http-reader.ts";
import { type StreamOutcome, type StreamedRequest, readRequests } from "./request-stream.ts";

/** Some seconds on one core. */
const MUTATIONS = 200_000;
/** Connections that are read at the same time. */
const BATCH = 200;

/** How many requests both took in the same way, and how many node:http refused and why. */
type Tally = Map<string, number>;

test(`node:http reads what gatehouse takes as the same requests (${MUTATIONS} mutations)`, async () => {
  const tally = await overBatches((bytes, ours, theirs) => compare(bytes, ours, theirs));
  // The mutations are worth something only if many are still taken.
  assert.ok((tally.get("agreed") ?? 0) > MUTATIONS / 5, JSON.stringify([...tally]));
});

test(`node:http reads what gatehouse forwards as the same requests (${MUTATIONS} mutations)`, async () => {
  const tally = await overBatches(
    (bytes, ours, theirs) => {
      // What was forwarded is whole and nothing else: node:http can see neither more nor less.
      assert.equal(ours.end, "complete");
      return compare(bytes, ours, theirs);
    },
    (bytes) => forwarded(readRequests(bytes).requests),
  );
  assert.ok((tally.get("agreed") ?? 0) > MUTATIONS / 5, JSON.stringify([...tally]));
});

async function overBatches(
  judge: (bytes: Buffer, ours: StreamOutcome, theirs: NodeOutcome) => string[],
  prepare: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Promise<Tally> {
  const random = seededRandom(30_000);
  const reader = new NodeHttpReader();
  const tally: Tally = new Map();
  for (let done = 0; done < MUTATIONS; done += BATCH) {
    const batch = Array.from({ length: BATCH }, () =>
      prepare(mutateRequest(MUTATION_CORPUS, random)),
    );
    const theirs = await reader.readAll(batch);
    for (const [i, bytes] of batch.entries()) {
      const other = theirs[i];
      assert.ok(other !== undefined);
      for (const word of judge(bytes, readRequests(bytes), other)) {
        tally.set(word, 1 + (tally.get(word) ?? 0));
      }
    }
  }
  return tally;
}

/** Fails when gatehouse took a request that node:http reads otherwise, or not yet, or as several. */
function compare(bytes: Buffer, ours: StreamOutcome, theirs: NodeOutcome): string[] {
  const hint = JSON.stringify(bytes.toString("latin1"));
  const words: string[] = [];
  for (const [i, request] of ours.requests.entries()) {
    const other = theirs.requests[i];
    if (other === undefined || !other.complete) {
      assert.ok(mayRefuse(request, theirs.refusal), `node:http: ${theirs.refusal}: ${hint}`);
      return [...words, "refused"];
    }
    assert.deepEqual(describeOther(other), describeOurs(request), hint);
    words.push("agreed");
    if (asksToSwitch(request)) return words;
  }
  if (ours.end === "complete" || ours.end === "incomplete") {
    const complete = theirs.requests.filter((request) => request.complete).length;
    assert.equal(complete, ours.requests.length, `node:http sees more requests: ${hint}`);
  }
  return words;
}

/** node:http knows a list of methods, and wants chunk extensions to be well-formed, which are dropped here. */
function mayRefuse({ head }: StreamedRequest, refusal: string | undefined): boolean {
  if (refusal === "HPE_INVALID_METHOD") return !METHODS.includes(head.method);
  return refusal === "HPE_STRICT" && head.body === BODY_CHUNKED;
}

/** Bytes after such a request are of another protocol to node:http, which drops them. */
function asksToSwitch({ head: { section } }: StreamedRequest): boolean {
  return section.upgrade !== undefined && (section.connection & CONNECTION_UPGRADE) !== 0;
}

function describeOurs({ head, body }: StreamedRequest): unknown {
  const { method, path, query, section } = head;
  return {
    method,
    target: path + query,
    host: section.host === undefined ? 0 : 1,
    length: section.contentLength < 0 ? 0 : 1,
    coding: head.body === BODY_CHUNKED ? 1 : 0,
    body: body.toString("latin1"),
  };
}

function describeOther({ method, target, names, body }: NodeRequest): unknown {
  const read = parseTarget(target, method);
  const count = (name: string): number => names.filter((other) => other === name).length;
  return {
    method,
    target: read === undefined ? target : read.path + read.query,
    host: count("host"),
    length: count("content-length"),
    coding: count("transfer-encoding"),
    body: body.toString("latin1"),
  };
}
