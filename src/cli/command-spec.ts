/** What a command is: its words and its code. */
import type { CliIo } from "./cli-io.ts";

/** The options and operands that were given. */
export interface Arguments {
  /** Options with a value, by their long name. */
  readonly texts: Readonly<Record<string, string>>;
  /** Options that may stand several times, by their long name. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** Options without one that were given. */
  readonly flags: ReadonlySet<string>;
  readonly operands: readonly string[];
}

/** An option as help shows it and `parseArguments` takes it. */
export interface OptionSpec {
  readonly name: string;
  readonly short?: string;
  /** How help names its value; undefined = it has none. */
  readonly value?: string;
  /** It may stand several times. */
  readonly many?: boolean;
  readonly text: string;
}

/** Runs a command; resolves to the exit code. */
export type CommandRun = (given: Arguments, io: CliIo) => Promise<number>;

/** One command. */
export interface CommandSpec {
  readonly name: string;
  /** What stands after the options, for help. */
  readonly operands?: string;
  /** How many there must be. */
  readonly operandCount: number;
  readonly summary: string;
  readonly details?: string;
  readonly options: readonly OptionSpec[];
  /** Each command's code is loaded only when it is used: start-up time counts. */
  readonly load: () => Promise<CommandRun>;
}
