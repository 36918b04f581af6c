/** What stands after a command's name. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { failed, type Result, success } from "../core/result.ts";
import type { Arguments, CommandSpec } from "./command-spec.ts";

/** Reads them strictly: what the command does not know is an error, a phrase without a full stop. Pure. */
export function parseArguments(
  command: CommandSpec,
  words: readonly string[],
): Result<Arguments, string> {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: optionsOf(command),
      allowPositionals: true,
      strict: true,
    });
    return checkOperands(command, collect(values, positionals));
  } catch (error) {
    return failed(parserWords(error instanceof Error ? error.message : String(error)));
  }
}

function optionsOf(command: CommandSpec): ParseArgsOptionsConfig {
  const options: ParseArgsOptionsConfig = { help: { type: "boolean", short: "h" } };
  for (const { name, short, value, many = false } of command.options) {
    const type = value === undefined ? "boolean" : "string";
    options[name] =
      short === undefined ? { type, multiple: many } : { type, short, multiple: many };
  }
  return options;
}

function collect(
  values: Readonly<Record<string, unknown>>,
  operands: readonly string[],
): Arguments {
  const given = Object.entries(values);
  return {
    texts: Object.fromEntries(
      given.flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
    ),
    lists: Object.fromEntries(
      given.flatMap(([name, value]) =>
        Array.isArray(value) ? [[name, value.filter((one) => typeof one === "string")]] : [],
      ),
    ),
    flags: new Set(given.flatMap(([name, value]) => (value === true ? [name] : []))),
    operands,
  };
}

function checkOperands(command: CommandSpec, given: Arguments): Result<Arguments, string> {
  if (given.flags.has("help")) return success(given);
  const { operands } = given;
  const surplus = operands[command.operandCount];
  if (surplus !== undefined) return failed(`Unexpected argument '${surplus}'`);
  if (operands.length < command.operandCount)
    return failed(
      command.operandCount === 1 && command.operands?.includes("|") === true
        ? `One of ${command.operands} is missing`
        : `${command.operands ?? ""} ${command.operandCount === 1 ? "is missing" : "is expected"}`,
    );
  return success(given);
}

/** The first sentence: Node adds advice for programmers after it. */
function parserWords(message: string): string {
  const sentence = message.split(/\.?\s*\n|\. /)[0] ?? message;
  return sentence.replace(/^Option '(.*) <value>' argument missing$/, "Option '$1' needs a value");
}
