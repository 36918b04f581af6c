/** How one line of the program's own log looks, as JSON and as text. Pure. */
import type { LogLevel } from "../core/model.ts";

/** One thing that the program says about itself. */
export interface LogEntry {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const RESERVED: ReadonlySet<string> = new Set(["time", "level", "message"]);

/** Wide enough for "warning", so that messages stand in one column. */
const LEVEL_WIDTH = 7;

const LEVEL_COLOURS: Readonly<Record<LogLevel, string>> = {
  debug: "\x1b[2m",
  info: "\x1b[32m",
  warning: "\x1b[33m",
  error: "\x1b[31m",
};
const DIM = "\x1b[2m";
const RESET = "\x1b[0m";

/**
 * What must not reach a terminal as it is: C0, DEL and C1 controls, line and paragraph separators, and the marks that
 * turn the direction of writing (a name from the network could show itself as another).
 */
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const BARE_VALUE = /^[\w.:/@%+,*[\]-]+$/;

/** One JSON object and a line feed: `time`, `level`, `message`, then the fields; a field cannot replace those three. Pure. */
export function formatJsonEntry(entry: LogEntry): string {
  const line: Record<string, unknown> = {
    time: new Date(entry.time).toISOString(),
    level: entry.level,
    message: entry.message,
  };
  for (const [name, value] of Object.entries(entry.fields)) {
    if (!RESERVED.has(name)) line[name] = plainValue(value);
  }
  return `${escapeUnsafe(JSON.stringify(line))}\n`;
}

/** `TIME LEVEL message key=value …` and a line feed; values are quoted when they need it. Pure. */
export function formatTextEntry(entry: LogEntry, colour: boolean): string {
  const time = new Date(entry.time).toISOString();
  const level = entry.level.toUpperCase().padEnd(LEVEL_WIDTH);
  let line = colour
    ? `${DIM}${time}${RESET} ${LEVEL_COLOURS[entry.level]}${level}${RESET} `
    : `${time} ${level} `;
  line += escapeUnsafe(entry.message);
  for (const [name, value] of Object.entries(entry.fields)) {
    if (value === undefined) continue;
    const key = BARE_VALUE.test(name) ? name : escapeUnsafe(JSON.stringify(name));
    line += colour ? ` ${DIM}${key}=${RESET}${textValue(value)}` : ` ${key}=${textValue(value)}`;
  }
  return `${line}\n`;
}

/** Writes control characters and marks of direction as `\uXXXX`; leaves everything else. Pure. */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function textValue(value: unknown): string {
  const plain = plainValue(value);
  if (typeof plain === "string") {
    return BARE_VALUE.test(plain) ? plain : escapeUnsafe(JSON.stringify(plain));
  }
  return escapeUnsafe(JSON.stringify(plain) ?? "null");
}

/** What JSON can say: an error becomes its message, and what cannot be said (a cycle, a BigInt) its string. */
function plainValue(value: unknown): unknown {
  if (value instanceof Error) return value.message;
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value !== "object" || value === null) return value;
  try {
    JSON.stringify(value);
    return value;
  } catch {
    return Object.prototype.toString.call(value);
  }
}
