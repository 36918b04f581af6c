/** Every command: what help says of it, which options it takes and where its code is. */
import type { CommandSpec, OptionSpec } from "./command-spec.ts";

const CONFIG: OptionSpec = {
  name: "config",
  short: "c",
  value: "FILE",
  text: "the configuration, - for stdin (or GATEHOUSE_CONFIG; default /etc/gatehouse/gatehouse.toml)",
};
const ADMIN: OptionSpec = {
  name: "admin",
  value: "ADDRESS",
  text: "where the running box listens: HOST:PORT or unix:/path (or GATEHOUSE_ADMIN; default: what it wrote down, then 127.0.0.1:9901)",
};
const JSON_OUT: OptionSpec = { name: "json", text: "JSON on stdout" };

/** In the order in which help lists them. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: "run",
    operandCount: 0,
    summary: "the proxy, in the foreground",
    details:
      "Checks the configuration first; if anything in it is wrong, nothing listens.\n" +
      "SIGHUP reloads it, SIGTERM and SIGINT drain and stop (a second one stops at once), SIGUSR1 reopens log files.",
    options: [CONFIG],
    load: async () => (await import("./run-command.ts")).runCommand,
  },
  {
    name: "check",
    operandCount: 0,
    summary: "says everything that is wrong or doubtful in a configuration",
    details:
      "FILE:LINE:COL: error|warning: PATH: message for each finding. Exit code 2 if any is an error.",
    options: [
      CONFIG,
      { name: "diff", value: "OLD", text: "says too what would change from this older file" },
      JSON_OUT,
    ],
    load: async () => (await import("./check-command.ts")).checkCommand,
  },
  {
    name: "explain",
    operands: "URL",
    operandCount: 1,
    summary: "which route would take a request or connection, and why not another",
    details:
      "URL is http://HOST[:PORT]/PATH, or tls://NAME[:PORT] (https:// means the same: nothing is decrypted),\n" +
      "tls://:PORT for a client without a server name, or tcp://[ADDRESS]:PORT.\n" +
      "With -c it reads a file, without it asks the running box.\n" +
      "Exit code 0 if something takes it, 1 if it is refused.",
    options: [
      { ...CONFIG, text: "a configuration file, - for stdin; no box is asked then" },
      { name: "method", short: "X", value: "METHOD", text: "of the request (default GET)" },
      {
        name: "header",
        short: "H",
        value: "'NAME: VALUE'",
        many: true,
        text: "a header of the request; may stand several times",
      },
      {
        name: "alpn",
        value: "NAMES",
        many: true,
        text: "what a TLS client offers, as in h2,http/1.1",
      },
      {
        name: "source",
        value: "IP",
        text: "the client's address as routes see it (default 192.0.2.1)",
      },
      ADMIN,
      JSON_OUT,
    ],
    load: async () => (await import("./explain-command.ts")).explainCommand,
  },
  {
    name: "show",
    operands: "listeners|routes|services|endpoints|connections|snapshot",
    operandCount: 1,
    summary: "what the running box really has",
    details:
      "endpoints are those of all services, with their health and why. STATE is healthy, unhealthy\n" +
      "(by checks), ejected (for its answers) or out (by hand); in a panic all but the last are used.\n" +
      "connections are the open ones of clients, with their bytes so far. STATE is proxy-header, hello or head\n" +
      "(bytes of the client are awaited), connecting, request, idle, tunnel or closing.",
    options: [
      ADMIN,
      JSON_OUT,
      { name: "watch", text: "again every second, on a terminal" },
      { name: "kind", value: "KIND", text: "connections only: http, tls or tcp" },
      { name: "service", value: "NAME", text: "connections only: those to this service" },
      { name: "gateway", value: "NAME", text: "connections only: those that it let in" },
      {
        name: "client",
        value: "IP",
        text: "connections only: of this address or network (10.0.0.0/8)",
      },
      {
        name: "host",
        value: "NAME",
        text: "connections only: for this server name or Host, or *.SUFFIX",
      },
      {
        name: "sort",
        value: "age|bytes",
        text: "connections only: the oldest (default) or the largest first",
      },
      {
        name: "limit",
        value: "COUNT",
        text: "connections only: so many, at most 1000 (default 1000)",
      },
    ],
    load: async () => (await import("./show-command.ts")).showCommand,
  },
  {
    name: "endpoint",
    operands: "out|in SERVICE ADDRESS",
    operandCount: 3,
    summary: "takes one endpoint out of service, or puts it back",
    details:
      "ADDRESS as 'gatehouse show endpoints' has it. New requests and connections go elsewhere, those\n" +
      "under way go on. It stays out over reloads, whatever discovery says, but not over a restart.\n" +
      "Exit code 1 if the box has no such endpoint.",
    options: [ADMIN, JSON_OUT],
    load: async () => (await import("./endpoint-command.ts")).endpointCommand,
  },
  {
    name: "reload",
    operandCount: 0,
    summary: "makes the running box take its file anew: all of it, or nothing",
    options: [ADMIN, JSON_OUT],
    load: async () => (await import("./reload-command.ts")).reloadCommand,
  },
  {
    name: "drain",
    operandCount: 0,
    summary: "makes the running box finish what it is doing, then stop",
    options: [ADMIN, JSON_OUT],
    load: async () => (await import("./drain-command.ts")).drainCommand,
  },
  {
    name: "demo",
    operandCount: 0,
    summary: "a trial with two sites of its own, and the curl lines to try",
    options: [
      { name: "http-port", value: "PORT", text: "where HTTP is taken; 0 = any (default 8080)" },
      { name: "tls-port", value: "PORT", text: "where TLS is taken; 0 = any (default 8443)" },
    ],
    load: async () => (await import("./demo-command.ts")).demoCommand,
  },
  {
    name: "schema",
    operandCount: 0,
    summary: "the JSON Schema of the configuration, for editors",
    options: [],
    load: async () => (await import("./schema-command.ts")).schemaCommand,
  },
  {
    name: "version",
    operandCount: 0,
    summary: "version, commit, runtime",
    options: [JSON_OUT],
    load: async () => (await import("./version-command.ts")).versionCommand,
  },
];

/** The command of this name, or undefined. Pure. */
export function findCommand(name: string): CommandSpec | undefined {
  return COMMANDS.find((command) => command.name === name);
}
