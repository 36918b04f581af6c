/** From the words of the command line to an exit code. */
import { nearest } from "../config/nearest.ts";
import { escapeUnsafe } from "../telemetry/log-format.ts";
import { parseArguments } from "./arguments.ts";
import { type CliIo, EXIT_FINE, EXIT_WRONG } from "./cli-io.ts";
import type { CommandSpec } from "./command-spec.ts";
import { COMMANDS, findCommand } from "./commands.ts";
import { commandHelp, generalHelp } from "./help.ts";

const HELP_WORDS: ReadonlySet<string> = new Set(["help", "--help", "-h"]);

/** Runs one command; `words` without the program's name. Resolves to the exit code: 0 fine, 1 failed, 2 wrong usage. */
export async function runCli(words: readonly string[], io: CliIo): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined) {
    io.stderr(generalHelp());
    return EXIT_WRONG;
  }
  if (HELP_WORDS.has(name)) return help(rest, io);
  const command = findCommand(name === "--version" ? "version" : name);
  return command === undefined ? refuseCommand(name, io) : runCommand(command, rest, io);
}

async function runCommand(
  command: CommandSpec,
  words: readonly string[],
  io: CliIo,
): Promise<number> {
  const given = parseArguments(command, words);
  if (!given.ok) {
    io.stderr(
      `gatehouse ${command.name}: ${escapeUnsafe(given.error)}. See gatehouse ${command.name} --help\n`,
    );
    return EXIT_WRONG;
  }
  if (given.value.flags.has("help")) {
    io.stdout(commandHelp(command));
    return EXIT_FINE;
  }
  const run = await command.load();
  return run(given.value, io);
}

function help(words: readonly string[], io: CliIo): number {
  const [name] = words;
  if (name === undefined || name.startsWith("-")) {
    io.stdout(generalHelp());
    return EXIT_FINE;
  }
  const command = findCommand(name);
  if (command === undefined) return refuseCommand(name, io);
  io.stdout(commandHelp(command));
  return EXIT_FINE;
}

function refuseCommand(name: string, io: CliIo): number {
  const names = COMMANDS.map((command) => command.name);
  const near = nearest(name, [...names, "help"]);
  const advice = near === undefined ? "gatehouse help lists them" : `did you mean ${near}?`;
  io.stderr(`gatehouse: unknown command '${escapeUnsafe(name)}'; ${advice}\n`);
  return EXIT_WRONG;
}
