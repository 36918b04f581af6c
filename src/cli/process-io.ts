/** The process as a CliIo. */
import { DescriptorWriter } from "../telemetry/descriptor-writer.ts";
import { hasColour } from "../telemetry/terminal.ts";
import type { CliIo } from "./cli-io.ts";

const STDOUT = 1;
const STDERR = 2;
const EXIT_FINE = 0;

/** Effects: the commands' own. Nothing is opened before it is used. */
export function createProcessIo(): CliIo {
  const stderr = new DescriptorWriter(STDERR);
  return {
    stdout: createStdoutWrite(),
    stderr: (text) => stderr.write(text),
    environment: process.env,
    colour: {
      stdout: hasColour(STDOUT, process.env),
      stderr: hasColour(STDERR, process.env),
    },
    get rows() {
      return process.stdout.isTTY ? process.stdout.rows : undefined;
    },
    now: Date.now,
    pause: (ms) => new Promise((resolve) => setTimeout(() => resolve(true), ms)),
    endWithin: (ms) => {
      setTimeout(() => process.exit(), ms).unref();
    },
  };
}

/** A reader that has seen enough (`| head`) is no failure. The box itself writes to stdout by other means. */
function createStdoutWrite(): (text: string) => void {
  let isGuarded = false;
  return (text) => {
    if (!isGuarded) process.stdout.on("error", () => process.exit(EXIT_FINE));
    isGuarded = true;
    process.stdout.write(text);
  };
}
