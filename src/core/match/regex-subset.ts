/**
 * Which regular expressions may run on the built-in engine, which backtracks: those of which the shape shows that no text
 * makes them slow. Time grows with the length of the text, times at most WAYS_MAX.
 */
import { type Result, failed, success } from "../result.ts";
import { ALL_CHARACTERS, type CharacterSet, type RegexNode, parseRegex } from "./regex-tree.ts";

/** Ways to read one stretch of text that are tried one after the other; each costs a pass. */
const WAYS_MAX = 64;
/** A repetition of at most so many counts as that many ways, a longer one as a loop. */
const SHORT_MAX = 8;

/** What stands behind a part of the pattern, as far as it matters for the part. */
interface Rest {
  /** Characters that it may begin with; 0 = it is at the end of the text. */
  readonly first: CharacterSet;
  /** Trying it from one place may look at the whole text. */
  readonly isLong: boolean;
}

/**
 * Whether a pattern is in the subset; the error is a sentence that says why not. Pure. The rules: a repeated group has no
 * repetition inside, and its alternatives begin differently; a loop either ends where its characters end, or what
 * follows it has no loop (a final `.*` takes all that is left and does not count); and at most WAYS_MAX ways are open.
 */
export function checkRegex(pattern: string): Result<string, string> {
  const tree = parseRegex(pattern);
  if (!tree.ok) return tree;
  const walk = new Walk();
  walk.before(tree.value, { first: 0n, isLong: false });
  if (walk.problem !== undefined) return failed(walk.problem);
  if (walk.ways > WAYS_MAX) {
    return failed("too many alternatives and optional parts can take the same text: name fewer");
  }
  return success(pattern);
}

/**
 * Builds the test of a whole text for a pattern that `checkRegex` has passed. Pure. `.` takes line breaks too;
 * characters are compared as they are.
 */
export function buildRegex(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern.replace(/^\^/, "").replace(/(?<!\\)\$$/, "")})$`, "s");
}

/** Goes through a pattern from its end to its start. */
class Walk {
  ways = 1;
  problem: string | undefined;

  /** What stands from this part on. */
  before(node: RegexNode, rest: Rest): Rest {
    switch (node.kind) {
      case "set":
        return { first: node.set, isLong: rest.isLong };
      case "sequence":
        return node.items.reduceRight((behind, item) => this.before(item, behind), rest);
      case "choice":
        return this.#choice(node.options, rest);
      case "repeat":
        return this.#repeat(node, rest);
      default:
        return rest;
    }
  }

  #choice(options: readonly RegexNode[], rest: Rest): Rest {
    const all = options.map((option) => this.before(option, rest));
    if (overlap(all.map(({ first }) => first))) this.ways *= options.length;
    return {
      first: all.reduce((set, { first }) => set | first, 0n),
      isLong: all.some(({ isLong }) => isLong),
    };
  }

  #repeat({ node, min, max }: RegexNode & { readonly kind: "repeat" }, rest: Rest): Rest {
    if (max === 0) return rest;
    if (min === 0 && max === 1) return this.#choice([node, { kind: "sequence", items: [] }], rest);
    const set = this.#loopStart(node);
    const first = min === 0 ? set | rest.first : set;
    if (set === ALL_CHARACTERS && isEnd(rest) && max === Number.POSITIVE_INFINITY && min <= 1)
      return { first, isLong: false };
    const endsItself = (set & rest.first) === 0n;
    if (max <= SHORT_MAX) {
      if (!endsItself) this.ways *= max - min + 1;
      return { first, isLong: rest.isLong };
    }
    if (!endsItself && rest.isLong && min !== max) {
      this.#refuse(
        "two repetitions can trade the same characters: let the first one end itself, as in [^/]*/",
      );
    }
    return { first, isLong: true };
  }

  /** What one turn of a loop begins with. */
  #loopStart(node: RegexNode): CharacterSet {
    if (node.kind === "set") return node.set;
    const options = node.kind === "choice" ? node.options : [node];
    const starts = options.map((option) => this.#fixedStart(option));
    if (overlap(starts))
      this.#refuse("alternatives of a repeated group begin with the same character");
    return starts.reduce((all, set) => all | set, 0n);
  }

  /** The start of an alternative that has no choice inside. */
  #fixedStart(option: RegexNode): CharacterSet {
    const items = option.kind === "sequence" ? option.items : [option];
    const [head] = items;
    if (items.some(({ kind }) => kind === "repeat"))
      this.#refuse("a repetition inside a repeated group");
    else if (items.some(({ kind }) => kind !== "set"))
      this.#refuse("a group inside a repeated group");
    else if (head === undefined) this.#refuse("a repeated group that may be empty");
    return head?.kind === "set" ? head.set : 0n;
  }

  #refuse(problem: string): void {
    this.problem ??= problem;
  }
}

function isEnd(rest: Rest): boolean {
  return rest.first === 0n;
}

function overlap(sets: readonly CharacterSet[]): boolean {
  let seen = 0n;
  for (const set of sets) {
    if ((seen & set) !== 0n) return true;
    seen |= set;
  }
  return false;
}
