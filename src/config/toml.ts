/** TOML 1.0 text to a document: values with places, or the first syntax error. */
import { ParseError, parseTOML } from "toml-eslint-parser";
import type { Origin } from "../core/model.ts";
import { failed, success } from "../core/result.ts";
import type { Result } from "../core/result.ts";
import type { TomlDocument } from "./document.ts";
import { DocumentBuilder } from "./toml-build.ts";
import { scanToml } from "./toml-scan.ts";
import type { SyntaxProblem, TextPiece } from "./toml-scan.ts";

/**
 * Parses TOML 1.0. Pure. A byte order mark and CRLF are fine. The first problem: not UTF-8, not TOML, defined
 * twice, or nested too deeply. What comes of it does not depend on `pieceLength`; see `scanToml`.
 */
export function parseToml(
  input: string | Uint8Array,
  pieceLength?: number,
): Result<TomlDocument, SyntaxProblem> {
  const text = typeof input === "string" ? success(input) : decodeUtf8(input);
  if (!text.ok) return text;
  const bare = text.value.replace(/^\uFEFF/, "");
  const scan = scanToml(bare, pieceLength);
  if (!scan.ok) return scan;
  const inPieces = parsePieces(scan.pieces);
  if (inPieces.ok || scan.pieces.length === 1 || !inPieces.error.message.endsWith(TWICE)) {
    return inPieces;
  }
  // Tables may be interleaved so that a piece alone seems to repeat what it adds to: the whole decides.
  return parsePieces([{ text: bare, lineOffset: 0 }]);
}

function parsePieces(pieces: readonly TextPiece[]): Result<TomlDocument, SyntaxProblem> {
  const builder = new DocumentBuilder();
  for (const piece of pieces) {
    const problem = addPiece(builder, piece);
    if (problem !== undefined) return failed(problem);
  }
  return success(builder.document);
}

function addPiece(builder: DocumentBuilder, piece: TextPiece): SyntaxProblem | undefined {
  try {
    builder.add(parseTOML(piece.text, { tomlVersion: "1.0" }), piece.lineOffset);
    return builder.problem;
  } catch (error) {
    // Whatever the parser throws is about the text: a reload must survive it.
    return explain(error, piece);
  }
}

function explain(error: unknown, { text, lineOffset }: TextPiece): SyntaxProblem {
  if (!(error instanceof ParseError)) {
    const reason = error instanceof Error ? error.message : String(error);
    return { at: { line: lineOffset + 1, column: 1 }, message: `not valid TOML: ${reason}` };
  }
  const before = text.slice(0, error.index).trimEnd();
  const isLineOver =
    error.index >= text.length || text.slice(before.length, error.index).includes("\n");
  if (before.endsWith("=") && isLineOver) {
    // The parser reads on to the next line; the mistake stands at the end of this one.
    return { at: endOf(before, lineOffset), message: "not valid TOML: a value is missing after =" };
  }
  const at = { line: error.lineNumber + lineOffset, column: error.column + 1 };
  return { at, message: `not valid TOML: ${inWords(error, text)}` };
}

function endOf(text: string, lineOffset: number): Origin {
  const lines = text.split("\n");
  return { line: lines.length + lineOffset, column: lines.at(-1)?.length ?? 1 };
}

const TWICE = "is defined a second time";

/** The parser's commonest messages, said so that they tell what to do. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["Expected equal (=) token", "= is missing after the key"],
  ["Expected comma (,) token", "a comma or a closing bracket is missing"],
  ["Must be a newline", "only one key = value on a line, and text must stand in quotes"],
  ["Unterminated string constant", "a quote is missing at the end of the string"],
  ["Unterminated table-key", "a closing ] is missing in the table header"],
  ["Unterminated array", "a closing ] is missing"],
  ["Unterminated inline table", "a closing } is missing"],
  ["Defining a key multiple times is invalid", TWICE],
  ["Unexpected character", "unexpected character; text must stand in quotes"],
]);

function inWords(error: ParseError, text: string): string {
  const words = WORDS.get(error.message);
  if (words === undefined) return error.message.charAt(0).toLowerCase() + error.message.slice(1);
  if (words !== TWICE) return words;
  const key = /^[A-Za-z0-9_-]{1,64}/.exec(text.slice(error.index, error.index + 64))?.[0];
  return `${key === undefined ? "this key" : JSON.stringify(key)} ${words}`;
}

function decodeUtf8(bytes: Uint8Array): Result<string, SyntaxProblem> {
  const whole = tryDecode(bytes, false);
  if (whole !== undefined) return success(whole);
  let valid = 0;
  let invalid = bytes.length;
  // The bad byte is where the shortest undecodable prefix ends: 24 steps even for 16 MiB.
  while (invalid - valid > 1) {
    const middle = Math.trunc((valid + invalid) / 2);
    if (tryDecode(bytes.subarray(0, middle), true) === undefined) invalid = middle;
    else valid = middle;
  }
  const lines = (tryDecode(bytes.subarray(0, valid), true) ?? "").split("\n");
  const at = { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
  return failed({ at, message: "not valid UTF-8: save the file as UTF-8" });
}

/** `isPart`: a character cut off at the end is fine. */
function tryDecode(bytes: Uint8Array, isPart: boolean): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: isPart });
  } catch {
    return undefined;
  }
}
