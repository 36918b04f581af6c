/** The help texts. Pure. */
import type { CommandSpec, OptionSpec } from "./command-spec.ts";
import { COMMANDS } from "./commands.ts";

const WIDTH = 96;

/** What `gatehouse` without a command, and `gatehouse help`, say. */
export function generalHelp(): string {
  const rows = [...COMMANDS, { name: "help", summary: "this text, or that of a command" }];
  const width = Math.max(...rows.map(({ name }) => name.length)) + 2;
  const commands = rows.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`);
  return [
    "gatehouse: an edge proxy. HTTP by Host, TLS by SNI, one TOML file.",
    "",
    "Usage: gatehouse COMMAND [OPTIONS]",
    "",
    ...commands,
    "",
    "Exit codes: 0 fine, 1 failed, 2 wrong usage or wrong configuration.",
    "More on a command: gatehouse COMMAND --help",
    "",
  ].join("\n");
}

/** What `gatehouse COMMAND --help` says. */
export function commandHelp(command: CommandSpec): string {
  const operands = command.operands === undefined ? "" : ` ${command.operands}`;
  const options = [...command.options, { name: "help", short: "h", text: "this text" }];
  const labels = options.map(optionLabel);
  const width = Math.max(...labels.map((label) => label.length)) + 4;
  const rows = options.flatMap(({ text }, i) => {
    const label = `  ${labels[i] ?? ""}`.padEnd(width);
    return wrap(text, WIDTH - width).map(
      (line, row) => (row === 0 ? label : " ".repeat(width)) + line,
    );
  });
  return [
    `gatehouse ${command.name}: ${command.summary}`,
    "",
    `Usage: gatehouse ${command.name}${operands} [OPTIONS]`,
    "",
    ...(command.details === undefined ? [] : [command.details, ""]),
    ...rows,
    "",
  ].join("\n");
}

function optionLabel({ name, short, value }: OptionSpec): string {
  const start = short === undefined ? "    " : `-${short}, `;
  return `${start}--${name}${value === undefined ? "" : ` ${value}`}`;
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1) ?? "";
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
