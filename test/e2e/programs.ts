/** Real servers and clients beside the box. */
import { spawn } from "node:child_process";
import { findCommand } from "../packages.ts";
import { endProcess, until } from "../processes.ts";
import type { Scope } from "./harness.ts";
import { refusesConnections } from "./raw-tcp.ts";

/** A program that runs until its scope ends. */
export interface StartedProgram {
  /** What it has printed on stdout so far. */
  readonly output: string;
}

/** Runs it until the scope ends; resolves when it listens on the port, which takes a connection to see. */
export async function startProgram(
  scope: Scope,
  command: readonly string[],
  port: number,
): Promise<StartedProgram> {
  const [program = "", ...args] = command;
  const child = spawn(findCommand(program) ?? program, args, {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, PYTHONUNBUFFERED: "1" },
  });
  scope.after(() => endProcess(child));
  const started = { output: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    started.output += text;
  });
  await until(`${program} listens`, async () =>
    (await refusesConnections(port)) ? undefined : true,
  );
  return started;
}
