/** Breaks requests in the ways that parsers fall over, and joins them in the ways that smuggle. */
import { ACCEPTED } from "../../corpus/request/accepted.ts";
import { REFUSED } from "../../corpus/request/refused.ts";
import type { seededRandom } from "../tls/seeded-random.ts";

type Random = ReturnType<typeof seededRandom>;
type Mutation = (bytes: Buffer, random: Random, corpus: readonly Buffer[]) => Buffer;

const GOOD = Object.values(ACCEPTED);
const BAD = REFUSED.map(({ bytes }) => bytes);

/** What to start from: as many good requests as bad ones, though there are more ways to be wrong. None is long. */
export const MUTATION_CORPUS: readonly Buffer[] = [
  ...BAD,
  ...BAD.map((_, i) => GOOD[i % GOOD.length] ?? ""),
]
  .filter((text) => text.length < 3000)
  .map((text) => Buffer.from(text, "latin1"));

/** A copy of one of `corpus` with none to three changes. */
export function mutateRequest(corpus: readonly Buffer[], random: Random): Buffer {
  let mutated: Buffer = Buffer.from(pick(corpus, random));
  for (let changes = random(4); changes > 0; changes -= 1) {
    mutated = pick(MUTATIONS, random)(mutated, random, corpus);
  }
  return mutated;
}

/** Bytes and texts at which parsers differ. */
const INTERESTING: readonly Buffer[] = [
  ...Array.from("\0\t\n\v\f\r !\"#%'(),-./0159:;<=>?@AZ[\\]^_`afx{|}~\x7f\x80\x85\xa0\xad\xff"),
  "\r\n",
  "\r\n\r\n",
  "\r\n ",
  "\n\n",
  "\r\r\n",
  "0\r\n\r\n",
  "1\r\n",
  "3\r\nabc\r\n",
  ";x",
  "0x",
  "+",
  "chunked",
  ", chunked",
  "identity",
  "Host: b\r\n",
  "Content-Length: 3\r\n",
  "Content-Length: 0\r\n",
  "Content-Length",
  "Content_Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: identity\r\n",
  "Transfer-Encoding",
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
  "Connection: Content-Length\r\n",
  "Expect: 100-continue\r\n",
  "Upgrade: x\r\n",
  "GET /x HTTP/1.1\r\nHost: x\r\n\r\n",
  "HTTP/1.0",
  "HTTP/1.1",
  "http://h",
  "/../",
  "%2e",
].map((text) => Buffer.from(text, "latin1"));

const MUTATIONS: readonly Mutation[] = [
  function insert(bytes, random) {
    const at = random(bytes.length + 1);
    return splice(bytes, [at, at], pick(INTERESTING, random));
  },
  function overwrite(bytes, random) {
    const at = random(bytes.length + 1);
    const piece = pick(INTERESTING, random);
    return splice(bytes, [at, at + piece.length], piece);
  },
  function insertAfterLine(bytes, random) {
    const at = lineStart(bytes, random);
    return splice(bytes, [at, at], pick(INTERESTING, random));
  },
  function repeatLine(bytes, random) {
    const at = lineStart(bytes, random);
    const end = bytes.indexOf("\n", at) + 1;
    return end === 0 ? bytes : splice(bytes, [at, at], bytes.subarray(at, end));
  },
  function dropLine(bytes, random) {
    const at = lineStart(bytes, random);
    const end = bytes.indexOf("\n", at) + 1;
    return end === 0 ? bytes : splice(bytes, [at, end], Buffer.alloc(0));
  },
  function setByte(bytes, random) {
    if (bytes.length > 0) bytes[random(bytes.length)] = random(256);
    return bytes;
  },
  function nudgeByte(bytes, random) {
    const at = random(bytes.length);
    if (at < bytes.length) bytes[at] = ((bytes[at] ?? 0) + (random(2) === 0 ? 1 : 255)) & 0xff;
    return bytes;
  },
  function flipCase(bytes, random) {
    const at = random(bytes.length);
    if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ 0x20;
    return bytes;
  },
  function remove(bytes, random) {
    const at = random(bytes.length + 1);
    return splice(bytes, [at, at + 1 + random(4)], Buffer.alloc(0));
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random(bytes.length + 1));
  },
  function append(bytes, random, corpus) {
    return Buffer.concat([bytes, pick(corpus, random)]);
  },
  function cross(bytes, random, corpus) {
    const other = pick(corpus, random);
    const head = bytes.subarray(0, lineStart(bytes, random));
    return Buffer.concat([head, other.subarray(lineStart(other, random))]);
  },
];

/** Where some line begins. */
function lineStart(bytes: Buffer, random: Random): number {
  return bytes.indexOf("\n", random(bytes.length + 1)) + 1;
}

function splice(bytes: Buffer, [from, to]: readonly [number, number], piece: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, from), piece, bytes.subarray(to)]);
}

function pick<T>(list: readonly T[], random: Random): T {
  const item = list[random(list.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}
