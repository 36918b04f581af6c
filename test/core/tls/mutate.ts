/** Breaks bytes in the ways that parsers fall over. */
import type { seededRandom } from "./seeded-random.ts";

type Random = ReturnType<typeof seededRandom>;
type Mutation = (bytes: Buffer, random: Random) => Buffer;

/** A copy of `bytes` with one to three changes. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let mutated: Buffer = Buffer.from(bytes);
  for (let changes = 1 + random(3); changes > 0; changes -= 1) {
    const mutation = MUTATIONS[random(MUTATIONS.length)] as Mutation;
    mutated = mutation(mutated, random);
  }
  return mutated;
}

const INTERESTING = [0, 1, 2, 4, 0x2e, 0x3a, 0x7f, 0x80, 0xfe, 0xff];

const MUTATIONS: readonly Mutation[] = [
  function flipBit(bytes, random) {
    const at = random(bytes.length);
    if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    return bytes;
  },
  function setByte(bytes, random) {
    if (bytes.length > 0) bytes[random(bytes.length)] = INTERESTING[random(10)] ?? 0;
    return bytes;
  },
  /** Lengths are small numbers: one more or less of any byte hits them all in time. */
  function nudgeByte(bytes, random) {
    const at = random(bytes.length);
    if (at < bytes.length) bytes[at] = ((bytes[at] ?? 0) + (random(2) === 0 ? 1 : 255)) & 0xff;
    return bytes;
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random(bytes.length + 1));
  },
  function insert(bytes, random) {
    const at = random(bytes.length + 1);
    const more = Buffer.alloc(1 + random(8), INTERESTING[random(10)]);
    return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
  },
  function remove(bytes, random) {
    const at = random(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(8))]);
  },
  function repeat(bytes, random) {
    const at = random(bytes.length + 1);
    const end = Math.min(bytes.length, at + random(64));
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
  },
];
