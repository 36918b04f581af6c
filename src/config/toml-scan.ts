/**
 * A first look at TOML text, before the parser: it finds the table headers, so that a long file can be parsed
 * piece by piece, and refuses nesting that would overflow the stack of whatever walks it later.
 */
import type { Origin } from "../core/model.ts";

/** Why text is not valid TOML, and where. */
export interface SyntaxProblem {
  readonly at: Origin;
  readonly message: string;
}

/** A run of whole lines that can be parsed on its own. */
export interface TextPiece {
  readonly text: string;
  /** Lines before it. */
  readonly lineOffset: number;
}

/** What the scan found: pieces in order, or why there are none. */
export type ScanResult =
  | { readonly ok: true; readonly pieces: readonly TextPiece[] }
  | { readonly ok: false; readonly error: SyntaxProblem };

/**
 * Headers that a piece may begin with: `[[gateway]]`, `[service.x]`. A piece that began with `[[gateway.x]]` would
 * look as if it defined `gateway` another time.
 */
const CUT = /^\[(?:\[[\w-]{1,64}\]\]|service\.)/;
const CUT_LENGTH_MAX = 68;

/** The schema needs five levels of brackets. */
const DEPTH_MAX = 32;

/**
 * The parser keeps tokens and tree of what it is given, about 200 times its size. Of pieces of this length these are
 * garbage before V8 copies them out of its young generation: a file of some MiB takes a quarter of the time.
 */
const PIECE_LENGTH = 8192;

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const HASH = 0x23;
const APOSTROPHE = 0x27;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Cuts text before table headers into pieces of about `pieceLength` characters. Pure; one pass.
 * In text that is not valid TOML the cuts after the first mistake may be anywhere, but that mistake stays
 * within one piece with everything before it, so the parser reports the same first error.
 */
export function scanToml(text: string, pieceLength = PIECE_LENGTH): ScanResult {
  const pieces: TextPiece[] = [];
  let start = 0;
  let startLine = 0;
  let line = 0;
  let lineStart = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === NEWLINE) {
      line += 1;
      lineStart = i + 1;
    } else if (code === HASH) {
      i = beforeNewline(text, i);
    } else if (code === QUOTE || code === APOSTROPHE) {
      const end = stringEnd(text, i);
      for (let at = text.indexOf("\n", i); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) {
        line += 1;
        lineStart = at + 1;
      }
      i = end - 1;
    } else if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      if (depth === 0 && i - start >= pieceLength && isCut(text, lineStart, i)) {
        pieces.push({ text: text.slice(start, lineStart), lineOffset: startLine });
        start = lineStart;
        startLine = line;
      }
      depth += 1;
      if (depth > DEPTH_MAX) return tooDeep(line, i - lineStart);
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) {
      depth = Math.max(0, depth - 1);
    }
  }
  pieces.push({ text: text.slice(start), lineOffset: startLine });
  return { ok: true, pieces };
}

function tooDeep(line: number, column: number): ScanResult {
  const at = { line: line + 1, column: column + 1 };
  return { ok: false, error: { at, message: `nested more than ${DEPTH_MAX} levels deep` } };
}

/** The offset of the last character of the line. */
function beforeNewline(text: string, from: number): number {
  const newline = text.indexOf("\n", from);
  return (newline < 0 ? text.length : newline) - 1;
}

/** The offset after a string that begins at `start`; an unterminated one ends with its line, or with the text. */
function stringEnd(text: string, start: number): number {
  const quote = text.charAt(start);
  const triple = quote.repeat(3);
  const isLong = text.startsWith(triple, start);
  const mark = isLong ? triple : quote;
  for (let i = start + mark.length; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH && quote === '"') i += 1;
    else if (code === NEWLINE && !isLong) return i;
    else if (text.startsWith(mark, i)) return afterQuotes(text, i + mark.length, isLong);
  }
  return text.length;
}

/** A long string may end in up to five quotes, of which the first two belong to it. */
function afterQuotes(text: string, end: number, isLong: boolean): number {
  if (!isLong) return end;
  const quote = text.charAt(end - 1);
  let after = end;
  while (after < end + 2 && text.charAt(after) === quote) after += 1;
  return after;
}

/** Whether a header that may begin a piece stands at `at`, the first thing on its line. */
function isCut(text: string, lineStart: number, at: number): boolean {
  const isHeader = CUT.test(text.slice(at, at + CUT_LENGTH_MAX));
  return isHeader && text.slice(lineStart, at).trim() === "";
}
