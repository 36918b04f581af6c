/** Where the checks of meaning put what they find. */
import type { Path, TomlDocument } from "./document.ts";
import type { Finding, Severity } from "./finding.ts";
import { nearest } from "./nearest.ts";

/** A suggestion compares with every name of the file; a file full of mistakes need not have them all. */
const SUGGESTIONS_MAX = 100;

/** Collects findings about one document. Owned by one check. */
export class Report {
  readonly findings: Finding[] = [];
  readonly document: TomlDocument;
  readonly #file: string;
  #suggestions = 0;

  constructor(document: TomlDocument, file: string) {
    this.document = document;
    this.#file = file;
  }

  /** Something that keeps the file from being used. */
  error(path: Path, message: string): void {
    this.#add("error", path, message);
  }

  /** Something that is allowed and probably not meant. */
  warning(path: Path, message: string): void {
    this.#add("warning", path, message);
  }

  /** `; did you mean "…"?`, or nothing. */
  suggest(word: string, candidates: Iterable<string>): string {
    this.#suggestions += 1;
    const near = this.#suggestions > SUGGESTIONS_MAX ? undefined : nearest(word, candidates);
    return near === undefined ? "" : `; did you mean "${near}"?`;
  }

  #add(severity: Severity, path: Path, message: string): void {
    const { line, column } = this.document.place(path);
    const shown = this.document.show(path);
    this.findings.push({ file: this.#file, line, column, severity, path: shown, message });
  }
}
