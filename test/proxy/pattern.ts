/** Streams that tell whose they are: every number has bytes of its own, which anybody can make again. */
import { seededRandom } from "../core/tls/seeded-random.ts";

/** A prime, so that streams of different numbers do not fall into step. */
const PERIOD = 65_521;
const STEP = 7919;
const TABLE = makeTable();

/** Bytes [from, from + length) of the stream with this number. */
export function patternOf(number: number, from: number, length: number): Buffer {
  const out = Buffer.allocUnsafe(length);
  for (let at = 0; at < length;) {
    const start = (number * STEP + from + at) % PERIOD;
    at += TABLE.copy(out, at, start, Math.min(PERIOD, start + length - at));
  }
  return out;
}

/** Compares a stream, piece by piece, with what it must be. */
export class PatternCheck {
  length = 0;
  /** Where the first wrong piece began; undefined = all was right so far. */
  wrongAt: number | undefined;
  readonly #number: number;

  constructor(number: number) {
    this.#number = number;
  }

  take(bytes: Buffer): void {
    if (
      this.wrongAt === undefined &&
      !bytes.equals(patternOf(this.#number, this.length, bytes.length))
    )
      this.wrongAt = this.length;
    this.length += bytes.length;
  }

  /** What is wrong with a stream that should be of this length; undefined = nothing. */
  problem(length: number): string | undefined {
    if (this.wrongAt !== undefined) return `foreign bytes behind ${this.wrongAt}`;
    return this.length === length ? undefined : `${this.length} bytes of ${length}`;
  }
}

function makeTable(): Buffer {
  const random = seededRandom(20_26);
  return Buffer.from(Uint8Array.from({ length: PERIOD }, () => random(256)));
}
