/** The entry of the main thread. */
import process from "node:process";
import { createProcessIo } from "./cli/process-io.ts";
import { runCli } from "./cli/run-cli.ts";

async function main(): Promise<void> {
  process.exitCode = await runCli(process.argv.slice(2), createProcessIo());
}

void main();
