/** The program's own log, on stderr. Main thread only: workers post what they have to say. */
import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";
import type { LogLevel, LogSettings } from "../core/model.ts";
import { DescriptorWriter } from "./descriptor-writer.ts";
import { formatJsonEntry, formatTextEntry, type LogEntry } from "./log-format.ts";
import { hasColour } from "./terminal.ts";

/** What further belongs to a message; from the network or not, everything is escaped. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Says things about the program. No method throws or waits for the disk. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** From now on level and format are these. */
  reconfigure(settings: LogSettings): void;
}

/** Where the lines go instead of stderr, and whether in colour. */
export interface LoggerOptions {
  readonly write?: (line: string) => void;
  readonly colour?: boolean;
}

const STDERR = 2;
const CATEGORY = "gatehouse";

/**
 * The log of this process. LogTape keeps its configuration in the process, so the logger made last is the one that
 * counts. Message texts are taken as they stand, never as LogTape's templates.
 */
export function createLogger(settings: LogSettings, options: LoggerOptions = {}): Logger {
  const write = options.write ?? stderrWrite();
  const colour = options.colour ?? hasColour(STDERR, process.env);
  const reconfigure = (next: LogSettings) => configure(next, { write, colour });
  reconfigure(settings);
  const logger = getLogger(CATEGORY);
  return {
    debug: (message, fields = {}) => logger.debug(message, fields),
    info: (message, fields = {}) => logger.info(message, fields),
    warning: (message, fields = {}) => logger.warning(message, fields),
    error: (message, fields = {}) => logger.error(message, fields),
    reconfigure,
  };
}

function stderrWrite(): (line: string) => void {
  const writer = new DescriptorWriter(STDERR);
  return (line) => writer.write(line);
}

function configure(settings: LogSettings, output: Required<LoggerOptions>): void {
  const sink = (record: LogRecord) => {
    const entry = entryOf(record);
    output.write(
      settings.format === "json" ? formatJsonEntry(entry) : formatTextEntry(entry, output.colour),
    );
  };
  configureSync({
    reset: true,
    sinks: { stderr: sink },
    loggers: [
      { category: CATEGORY, lowestLevel: settings.level, sinks: ["stderr"] },
      // LogTape tells its own troubles here; without this row it prints a notice to the console.
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
}

function entryOf(record: LogRecord): LogEntry {
  const { rawMessage } = record;
  return {
    time: record.timestamp,
    level: levelOf(record),
    message: typeof rawMessage === "string" ? rawMessage : rawMessage.join("…"),
    fields: record.properties,
  };
}

function levelOf(record: LogRecord): LogLevel {
  if (record.level === "trace") return "debug";
  return record.level === "fatal" ? "error" : record.level;
}
