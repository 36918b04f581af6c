import type { Readable } from "node:stream";
import { until } from "../processes.ts";

/** One line as an object. */
export type Line = Readonly<Record<string, unknown>>;

/** The lines that a program prints, JSON objects or text, as they come. */
export class JsonLines {
  /** Lines that are JSON objects, in order. */
  readonly lines: Line[] = [];
  /** Everything, as printed. */
  text = "";
  #rest = "";

  /** Effect: reads the stream to its end. */
  constructor(stream: Readable) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      this.text += text;
      const parts = (this.#rest + text).split("\n");
      this.#rest = parts.pop() ?? "";
      for (const part of parts) if (part.startsWith("{")) this.lines.push(JSON.parse(part) as Line);
    });
  }

  /** The first line, at or behind index `from`, that has all these fields; waits for it. */
  waitFor(fields: Line, from = 0): Promise<Line> {
    return until(`a line with ${JSON.stringify(fields)}`, () => {
      return this.lines.slice(from).find((line) => hasFields(line, fields));
    });
  }

  /** All lines with these fields so far. */
  having(fields: Line): readonly Line[] {
    return this.lines.filter((line) => hasFields(line, fields));
  }
}

function hasFields(line: Line, fields: Line): boolean {
  return Object.entries(fields).every(
    ([name, value]) => JSON.stringify(line[name]) === JSON.stringify(value),
  );
}
