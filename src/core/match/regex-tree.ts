/** Reads the part of regular expressions that gatehouse allows into a tree of character sets. */
import { type Result, failed, success } from "../result.ts";

/** Characters as bits: 0 to 255, and one bit for all others. */
export type CharacterSet = bigint;

/** What a pattern says. */
export type RegexNode =
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "sequence"; readonly items: readonly RegexNode[] }
  | { readonly kind: "choice"; readonly options: readonly RegexNode[] }
  | {
      readonly kind: "repeat";
      readonly node: RegexNode;
      readonly min: number;
      /** Infinity = no end. */
      readonly max: number;
    };

/** Every character. */
export const ALL_CHARACTERS: CharacterSet = (1n << 257n) - 1n;

/** Longer patterns are programs. */
const PATTERN_LENGTH_MAX = 256;
const COUNT_MAX = 1000;
const DEPTH_MAX = 10;
const OTHERS = 256;
const PUNCTUATION = /^[!-/:-@[-`{-~]$/;

/**
 * Reads a pattern. Pure. The error is a sentence: what is outside the subset (look-around, back-references, named
 * groups, boundaries, `^` and `$` inside), or malformed. `^` at the start and `$` at the end say nothing and may stand.
 */
export function parseRegex(pattern: string): Result<RegexNode, string> {
  if (pattern.length > PATTERN_LENGTH_MAX)
    return failed(`a regex has at most ${PATTERN_LENGTH_MAX} characters`);
  const reader = new RegexReader(pattern);
  try {
    return success(reader.read());
  } catch (error) {
    if (error instanceof RegexProblem) return failed(error.message);
    throw error;
  }
}

/** Thrown inside this file only. */
class RegexProblem extends Error {}

/** Recursive descent over one pattern. */
class RegexReader {
  readonly #text: string;
  #at = 0;
  readonly #end: number;

  constructor(text: string) {
    this.#text = text;
    if (text.startsWith("^")) this.#at = 1;
    this.#end = text.endsWith("$") && !text.endsWith("\\$") ? text.length - 1 : text.length;
  }

  read(): RegexNode {
    const node = this.#choice(0);
    if (this.#at < this.#end) throw new RegexProblem('")" closes nothing');
    return node;
  }

  get #next(): string {
    return this.#at < this.#end ? (this.#text[this.#at] ?? "") : "";
  }

  #choice(depth: number): RegexNode {
    if (depth > DEPTH_MAX) throw new RegexProblem(`groups are nested deeper than ${DEPTH_MAX}`);
    const options = [this.#sequence(depth)];
    while (this.#next === "|") {
      this.#at += 1;
      options.push(this.#sequence(depth));
    }
    const [only] = options;
    return options.length === 1 && only !== undefined ? only : { kind: "choice", options };
  }

  #sequence(depth: number): RegexNode {
    const items: RegexNode[] = [];
    while (this.#next !== "" && this.#next !== "|" && this.#next !== ")") {
      items.push(this.#quantified(this.#atom(depth)));
    }
    return { kind: "sequence", items };
  }

  #atom(depth: number): RegexNode {
    const character = this.#next;
    this.#at += 1;
    if (character === "(") return this.#group(depth);
    if (character === ".") return { kind: "set", set: ALL_CHARACTERS };
    if (character === "[") return { kind: "set", set: this.#class() };
    if (character === "\\") return { kind: "set", set: this.#escape() };
    if (character === "^" || character === "$") {
      throw new RegexProblem(`"${character}" inside: the whole text is matched anyway`);
    }
    if ("*+?".includes(character)) throw new RegexProblem(`"${character}" repeats nothing`);
    if ("{}]".includes(character))
      throw new RegexProblem(`write "\\${character}" for "${character}"`);
    return { kind: "set", set: one(character) };
  }

  #group(depth: number): RegexNode {
    if (this.#next === "?") {
      if (this.#text[this.#at + 1] !== ":") {
        throw new RegexProblem("look-around, named groups and flags are not allowed");
      }
      this.#at += 2;
    }
    const node = this.#choice(depth + 1);
    if (this.#next !== ")") throw new RegexProblem('"(" is not closed');
    this.#at += 1;
    return node;
  }

  #quantified(node: RegexNode): RegexNode {
    const bounds = this.#bounds();
    if (bounds === undefined) return node;
    if (this.#next === "?") this.#at += 1;
    if (this.#next !== "" && "*+?{".includes(this.#next)) {
      throw new RegexProblem("a repetition of a repetition");
    }
    return { kind: "repeat", node, ...bounds };
  }

  #bounds(): { readonly min: number; readonly max: number } | undefined {
    const character = this.#next;
    if (character === "{") return this.#counts();
    if (character === "" || !"*+?".includes(character)) return undefined;
    this.#at += 1;
    return {
      min: character === "+" ? 1 : 0,
      max: character === "?" ? 1 : Number.POSITIVE_INFINITY,
    };
  }

  #counts(): { readonly min: number; readonly max: number } {
    const found = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#text.slice(this.#at, this.#end));
    if (found === null) throw new RegexProblem('write "\\{" for "{", or a count such as {1,3}');
    this.#at += found[0].length;
    const min = Number(found[1]);
    const max =
      found[2] === undefined ? min : found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3]);
    if (max < min || min > COUNT_MAX || (max > COUNT_MAX && max !== Number.POSITIVE_INFINITY)) {
      throw new RegexProblem(`counts go from 0 to ${COUNT_MAX}, the smaller first`);
    }
    return { min, max };
  }

  #class(): CharacterSet {
    const negated = this.#next === "^";
    if (negated) this.#at += 1;
    let set = 0n;
    while (this.#next !== "]") {
      if (this.#next === "") throw new RegexProblem('"[" is not closed');
      set |= this.#classMember();
    }
    this.#at += 1;
    if (set === 0n) throw new RegexProblem("an empty character class");
    return negated ? ALL_CHARACTERS & ~set : set;
  }

  #classMember(): CharacterSet {
    const first = this.#next;
    this.#at += 1;
    const set = first === "\\" ? this.#escape() : one(first);
    const last = this.#text[this.#at + 1] ?? "";
    if (this.#next !== "-" || last === "]" || last === "") return set;
    this.#at += 2;
    if (first === "\\" || last === "\\") {
      throw new RegexProblem("a range begins and ends with a plain character");
    }
    const [from, to] = [first.charCodeAt(0), last.charCodeAt(0)];
    one(last);
    if (to < from) throw new RegexProblem(`the range ${first}-${last} runs backwards`);
    return ((1n << BigInt(to - from + 1)) - 1n) << BigInt(from);
  }

  #escape(): CharacterSet {
    const character = this.#next;
    this.#at += 1;
    const known = ESCAPES.get(character);
    if (known !== undefined) return known;
    if (PUNCTUATION.test(character)) return one(character);
    throw new RegexProblem(
      /\d|k/.test(character)
        ? "back-references are not allowed"
        : `"\\${character}" is not allowed: there are \\d, \\w, \\s, their opposites, and escaped punctuation`,
    );
  }
}

function one(character: string): CharacterSet {
  const code = character.charCodeAt(0);
  if (code < 0x20 || code > 0x7e) throw new RegexProblem("a regex is visible ASCII");
  return 1n << BigInt(code);
}

/** What JavaScript's classes take, the characters beyond latin1 as one. */
function build(pattern: RegExp, others: boolean): CharacterSet {
  let set = others ? 1n << BigInt(OTHERS) : 0n;
  for (let code = 0; code < OTHERS; code += 1) {
    if (pattern.test(String.fromCharCode(code))) set |= 1n << BigInt(code);
  }
  return set;
}

/** `\s` has members beyond latin1, and so has its opposite. */
const ESCAPES: ReadonlyMap<string, CharacterSet> = new Map([
  ["d", build(/\d/, false)],
  ["D", build(/\D/, true)],
  ["w", build(/\w/, false)],
  ["W", build(/\W/, true)],
  ["s", build(/\s/, true)],
  ["S", build(/\S/, true)],
]);
