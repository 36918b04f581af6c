/** `gatehouse demo`. */
import { runDemo } from "../demo/demo.ts";
import type { Arguments } from "./command-spec.ts";
import { type CliIo, EXIT_WRONG } from "./cli-io.ts";
import { runFile } from "./run-command.ts";

const HTTP_PORT = 8080;
const TLS_PORT = 8443;
const PORT_MAX = 65_535;

/** Runs the trial until it is stopped. */
export function demoCommand(given: Arguments, io: CliIo): Promise<number> {
  const http = parsePort(given.texts["http-port"], HTTP_PORT);
  const tls = parsePort(given.texts["tls-port"], TLS_PORT);
  if (http === undefined || tls === undefined) {
    io.stderr("gatehouse demo: a port is a number from 0 to 65535\n");
    return Promise.resolve(EXIT_WRONG);
  }
  return runDemo({
    print: io.stderr,
    ports: { http, tls },
    // Read as any other file, so that one may edit it and try a reload.
    run: ({ file }) => runFile(file, io),
  });
}

function parsePort(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port <= PORT_MAX ? port : undefined;
}
