/** A TOML file as plain values, and where each of them stands. */
import type { Origin } from "../core/model.ts";

/** Keys and indexes from the root to a value: `["gateway", 0, "tls", "mode"]`. */
export type Path = readonly (string | number)[];

/** Any TOML value. Integers beyond 2^53 have lost precision: every number of the schema is bounded below. */
export type TomlValue = string | number | boolean | Date | TomlValue[] | TomlTable;

/** A table. It inherits nothing, so a key of the file can never be mistaken for a method. */
export interface TomlTable {
  [key: string]: TomlValue;
  /** Under its keys, where they stand. */
  [MARKS]?: Record<string, number>;
}

/** Under it tables and arrays keep where their parts stand: no key of the file is a symbol. */
const MARKS = Symbol("marks");

/** An array of the file as its document sees it. */
interface MarkedArray {
  /** Where its items stand. */
  [MARKS]?: number[];
}

/** Longer keys are cut where they are shown: a finding stays one readable line. */
const SHOWN_KEY_MAX = 253;

/** What tables inherit. V8 keeps an object without any prototype as a hash table, several times as large. */
const NOTHING = Object.freeze(Object.create(null) as object);

/** Whether a value of the file is a table. Pure. */
export function isTable(value: unknown): value is TomlTable {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

/**
 * The values of one file with their places. Owned by one check of that file. Some MiB of text have a million places:
 * each is two numbers in one list, and what marks a value is an index into it.
 */
export class TomlDocument {
  readonly root: TomlTable = newTable();
  /** line, column, line, column … */
  readonly #places: number[] = [];
  /** Of arrays that items were removed from: the indexes of the others in the file. */
  readonly #indexes = new Map<readonly TomlValue[], number[]>();

  /** Says where a key of a table stands; a second call moves it. */
  markKey(table: TomlTable, key: string, at: Origin): void {
    table[MARKS] ??= Object.create(NOTHING) as Record<string, number>;
    table[MARKS][key] = this.#addPlace(at);
  }

  /** Says where the last item of an array stands. */
  markItem(array: readonly TomlValue[] & MarkedArray, at: Origin): void {
    array[MARKS] ??= [];
    array[MARKS].push(this.#addPlace(at));
  }

  /** Where a key stands, if the file says it. */
  keyPlace(table: TomlTable, key: string): Origin | undefined {
    return this.#placeAt(table[MARKS]?.[key]);
  }

  /** Where a value stands; for what the file does not say, the table that lacks it. */
  place(path: Path): Origin {
    let at: Origin = { line: 1, column: 1 };
    this.#walk(path, (_part, mark) => {
      at = mark ?? at;
    });
    return at;
  }

  /** Whether the file says this, even if it has been removed since. */
  says(path: Path): boolean {
    let known = true;
    this.#walk(path, (_part, mark) => {
      known &&= mark !== undefined;
    });
    return known;
  }

  /** The path as people read it: `gateway[0].tls.mode`, `service."nginx.com".dns`. */
  show(path: Path): string {
    let text = "";
    this.#walk(path, (part) => {
      if (typeof part === "number") text += `[${part}]`;
      else text += text === "" ? showKey(part) : `.${showKey(part)}`;
    });
    return text;
  }

  /** Takes a value out; places and shown indexes of everything else stay. */
  remove(path: Path): void {
    const container = this.#valueAt(path.slice(0, -1));
    const last = path.at(-1);
    if (Array.isArray(container) && typeof last === "number") {
      const indexes = this.#indexes.get(container) ?? [...container.keys()];
      this.#indexes.set(container, indexes);
      indexes.splice(last, 1);
      container.splice(last, 1);
      (container as MarkedArray)[MARKS]?.splice(last, 1);
    } else if (isTable(container) && typeof last === "string") {
      delete container[last];
    }
  }

  #valueAt(path: Path): TomlValue | undefined {
    let value: TomlValue | undefined = this.root;
    for (const part of path) value = step(value, part);
    return value;
  }

  #addPlace({ line, column }: Origin): number {
    return this.#places.push(line, column) - 2;
  }

  #placeAt(mark: number | undefined): Origin | undefined {
    if (mark === undefined) return undefined;
    return { line: this.#places[mark] ?? 1, column: this.#places[mark + 1] ?? 1 };
  }

  /** Visits each part of a path with its place, array indexes as they stand in the file. */
  #walk(path: Path, visit: (part: string | number, at: Origin | undefined) => void): void {
    let value: TomlValue | undefined = this.root;
    for (const part of path) {
      if (Array.isArray(value) && typeof part === "number") {
        const index = this.#indexes.get(value)?.[part] ?? part;
        visit(index, this.#placeAt((value as MarkedArray)[MARKS]?.[part]));
      } else {
        visit(part, isTable(value) ? this.keyPlace(value, String(part)) : undefined);
      }
      value = step(value, part);
    }
  }
}

/** An empty table. Pure. */
export function newTable(): TomlTable {
  return Object.create(NOTHING) as TomlTable;
}

function step(value: TomlValue | undefined, part: string | number): TomlValue | undefined {
  if (Array.isArray(value)) return typeof part === "number" ? value[part] : undefined;
  return isTable(value) ? value[part] : undefined;
}

function showKey(key: string): string {
  if (key.length > SHOWN_KEY_MAX) return JSON.stringify(`${key.slice(0, SHOWN_KEY_MAX)}…`);
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
}
