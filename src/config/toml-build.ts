/** From the parser's tree to plain values with places, with TOML's rules on what may be defined twice. */
import type { AST } from "toml-eslint-parser";
import type { Origin } from "../core/model.ts";
import { TomlDocument, isTable, newTable } from "./document.ts";
import type { TomlTable, TomlValue } from "./document.ts";
import type { SyntaxProblem } from "./toml-scan.ts";

/**
 * How a table came to be, which decides what may still be added to it (TOML 1.0 "Table"). An inline table, to which
 * nothing may be added, has none.
 */
type Definition =
  | { readonly kind: "implicit" | "header" }
  /** Made by `a.b = 1`: only dotted keys of the same section may add to it. */
  | { readonly kind: "dotted"; readonly section: TomlTable };

const IMPLICIT: Definition = { kind: "implicit" };
const HEADER: Definition = { kind: "header" };

/**
 * Collects the pieces of one file into one document. A piece may add to what an earlier one began; the
 * parser sees one piece at a time, so what is defined twice is found here.
 */
export class DocumentBuilder {
  readonly document = new TomlDocument();
  readonly #definitions = new Map<TomlTable, Definition>();
  /** Arrays of `[[…]]`, the only ones that may grow. */
  readonly #tableArrays = new Set<readonly TomlValue[]>();
  #problem: SyntaxProblem | undefined;
  #lineOffset = 0;

  /** The first thing that was defined twice. */
  get problem(): SyntaxProblem | undefined {
    return this.#problem;
  }

  /** Adds one parsed piece; `lineOffset` lines of the file stand before it. */
  add(program: AST.TOMLProgram, lineOffset: number): void {
    this.#lineOffset = lineOffset;
    for (const part of program.body[0].body) {
      if (part.type === "TOMLKeyValue") {
        this.#assign(this.document.root, part);
        continue;
      }
      const table = this.#openTable(part);
      if (table !== undefined) for (const pair of part.body) this.#assign(table, pair);
    }
  }

  /** The table that a header opens; undefined when it may not be opened. */
  #openTable(header: AST.TOMLTable): TomlTable | undefined {
    const parent = this.#walkHeader(header.key.keys.slice(0, -1));
    const last = header.key.keys.at(-1);
    if (parent === undefined || last === undefined) return undefined;
    const key = keyName(last);
    const at = this.#origin(header);
    return header.kind === "array"
      ? this.#openItem(parent, { key, at })
      : this.#openStandard(parent, { key, at });
  }

  #openStandard(parent: TomlTable, spot: Spot): TomlTable | undefined {
    const known = parent[spot.key];
    if (known === undefined) return this.#addTable(parent, spot, HEADER);
    if (!isTable(known) || this.#definitions.get(known)?.kind !== "implicit") {
      return this.#refuse(parent, spot);
    }
    this.#definitions.set(known, HEADER);
    this.document.markKey(parent, spot.key, spot.at);
    return known;
  }

  #openItem(parent: TomlTable, spot: Spot): TomlTable | undefined {
    let array = parent[spot.key];
    if (array === undefined) {
      array = [];
      this.#tableArrays.add(array);
      parent[spot.key] = array;
      this.document.markKey(parent, spot.key, spot.at);
    }
    if (!Array.isArray(array) || !this.#tableArrays.has(array)) return this.#refuse(parent, spot);
    const table = newTable();
    this.#definitions.set(table, HEADER);
    array.push(table);
    this.document.markItem(array, spot.at);
    return table;
  }

  /** The table that all but the last part of a header lead to; what is missing is made. */
  #walkHeader(keys: readonly Key[]): TomlTable | undefined {
    let table = this.document.root;
    for (const node of keys) {
      const spot = { key: keyName(node), at: this.#origin(node) };
      const known = table[spot.key];
      const next = Array.isArray(known) && this.#tableArrays.has(known) ? known.at(-1) : known;
      if (next === undefined) {
        table = this.#addTable(table, spot, IMPLICIT);
      } else if (isTable(next) && this.#definitions.has(next)) {
        table = next;
      } else {
        return this.#refuse(table, spot);
      }
    }
    return table;
  }

  /** Sets `a.b.c = value` within the section that begins at `section`. */
  #assign(section: TomlTable, pair: AST.TOMLKeyValue): void {
    let table = section;
    for (const node of pair.key.keys.slice(0, -1)) {
      const spot = { key: keyName(node), at: this.#origin(node) };
      const known = table[spot.key];
      if (known === undefined) {
        table = this.#addTable(table, spot, { kind: "dotted", section });
      } else if (isTable(known) && this.#isOpenTo(known, section)) {
        table = known;
      } else {
        this.#refuse(table, spot);
        return;
      }
    }
    const last = pair.key.keys.at(-1);
    if (last === undefined) return;
    const spot = { key: keyName(last), at: this.#origin(last) };
    if (table[spot.key] !== undefined) {
      this.#refuse(table, spot);
      return;
    }
    this.document.markKey(table, spot.key, spot.at);
    table[spot.key] = this.#value(pair.value);
  }

  #isOpenTo(table: TomlTable, section: TomlTable): boolean {
    const definition = this.#definitions.get(table);
    return definition?.kind === "dotted" && definition.section === section;
  }

  #value(node: AST.TOMLContentNode): TomlValue {
    if (node.type === "TOMLArray") {
      const array: TomlValue[] = [];
      for (const element of node.elements) {
        array.push(this.#value(element));
        this.document.markItem(array, this.#origin(element));
      }
      return array;
    }
    if (node.type === "TOMLInlineTable") {
      const table = newTable();
      for (const pair of node.body) this.#assign(table, pair);
      return table;
    }
    return node.value;
  }

  #addTable(parent: TomlTable, spot: Spot, definition: Definition): TomlTable {
    const table = newTable();
    this.#definitions.set(table, definition);
    parent[spot.key] = table;
    this.document.markKey(parent, spot.key, spot.at);
    return table;
  }

  #refuse(table: TomlTable, { key, at }: Spot): undefined {
    const first = this.document.keyPlace(table, key);
    const where = first === undefined ? "" : `, first in line ${first.line}`;
    this.#problem ??= {
      at,
      message: `not valid TOML: ${JSON.stringify(key)} is defined a second time${where}`,
    };
    return undefined;
  }

  #origin(node: AST.HasLocs): Origin {
    const { line, column } = node.loc.start;
    return { line: line + this.#lineOffset, column: column + 1 };
  }
}

type Key = AST.TOMLBare | AST.TOMLQuoted;

/** A key of a table and where it is said. */
interface Spot {
  readonly key: string;
  readonly at: Origin;
}

function keyName(node: Key): string {
  return node.type === "TOMLBare" ? node.name : node.value;
}
