/** `gatehouse show`. */
import { nearest } from "../config/nearest.ts";
import { failed, type Result, success } from "../core/result.ts";
import { CONNECTION_FILTERS, readConnectionsQuery } from "../core/open-connections.ts";
import type {
  ConnectionsView,
  ListenersView,
  RoutesView,
  ServicesView,
  SnapshotView,
} from "../core/views.ts";
import { escapeUnsafe } from "../telemetry/log-format.ts";
import { type AdminAnswer, askAdmin, refusalText } from "./admin-client.ts";
import { type AdminPlace, findAdminPlace } from "./admin-place.ts";
import type { Arguments } from "./command-spec.ts";
import { type CliIo, EXIT_FAILED, EXIT_FINE, EXIT_WRONG } from "./cli-io.ts";
import { connectionsTable } from "./connections-table.ts";
import { endpointsJson, endpointsTable } from "./endpoints-table.ts";
import { listenersTable, routesTable, servicesTable, snapshotTable } from "./show-tables.ts";

const TIMEOUT_MS = 5000;
const WATCH_MS = 1000;

/** What can be shown: which list its view has, and its table. */
const THINGS = {
  listeners: (value: unknown, io: CliIo) =>
    listenersTable(value as ListenersView, io.colour.stdout),
  routes: (value: unknown, io: CliIo) => routesTable(value as RoutesView, io.colour.stdout),
  services: (value: unknown, io: CliIo) =>
    servicesTable(value as ServicesView, io.now(), io.colour.stdout),
  endpoints: (value: unknown, io: CliIo) =>
    endpointsTable(value as ServicesView, io.now(), io.colour.stdout),
  connections: (value: unknown, io: CliIo) =>
    connectionsTable(value as ConnectionsView, io.colour.stdout),
  snapshot: (value: unknown, io: CliIo) => snapshotTable(value as SnapshotView, io.colour.stdout),
} as const;

type Thing = keyof typeof THINGS;

/** Prints what the running box has; 1 when it cannot be asked. */
export async function showCommand(given: Arguments, io: CliIo): Promise<number> {
  const [word = ""] = given.operands;
  if (!isThing(word)) return refuse(unknownThing(word), io);
  const path = pathOf(word, given);
  if (!path.ok) return refuse(path.error, io);
  const place = findAdminPlace(given, io);
  if (!place.ok) return refuse(place.error, io);
  const isJson = given.flags.has("json");
  const question = { thing: word, path: path.value, place: place.value, isJson };
  if (!given.flags.has("watch")) return showOnce(question, io);
  if (isJson) return refuse("--watch and --json exclude each other", io);
  if (io.rows === undefined) return refuse("--watch needs a terminal", io);
  return watch(question, io);
}

/** The error is a phrase: a filter is wrong, or there is nothing to filter. */
function pathOf(thing: Thing, { texts }: Arguments): Result<string, string> {
  const filters = CONNECTION_FILTERS.flatMap((name) => {
    const text = texts[name];
    return text === undefined ? [] : [[name, text] as const];
  });
  const [first] = filters;
  // Endpoints are what services have.
  if (first === undefined) return success(thing === "endpoints" ? "/services" : `/${thing}`);
  if (thing !== "connections") return failed(`--${first[0]} is for connections`);
  const query = readConnectionsQuery(Object.fromEntries(filters));
  if (!query.ok) return query;
  return success(`/${thing}?${new URLSearchParams(filters.map(([...pair]) => pair)).toString()}`);
}

interface Question {
  readonly thing: Thing;
  /** Of the admin API. */
  readonly path: string;
  readonly place: AdminPlace;
  readonly isJson: boolean;
}

async function showOnce(question: Question, io: CliIo): Promise<number> {
  const answer = await ask(question);
  const shown = answer.ok ? render(answer.value, question, io) : answer;
  if (!shown.ok) {
    io.stderr(`gatehouse show: ${escapeUnsafe(shown.error)}\n`);
    return EXIT_FAILED;
  }
  io.stdout(shown.value);
  return EXIT_FINE;
}

const CLEAR = "\x1b[H\x1b[2J";

/** Until somebody stops it. A box that does not answer for a while (a restart) is asked again. */
async function watch(question: Question, io: CliIo): Promise<number> {
  do {
    const answer = await ask(question);
    const shown = answer.ok ? render(answer.value, question, io) : answer;
    const text = shown.ok ? shown.value : `${escapeUnsafe(shown.error)}\n`;
    io.stdout(CLEAR + cutToScreen(text, io.rows));
  } while (await io.pause(WATCH_MS));
  return EXIT_FINE;
}

/** The last line of the screen stays free, or the terminal would scroll the head away. */
function cutToScreen(text: string, rows = 24): string {
  const lines = text.split("\n").slice(0, -1);
  const room = rows - 2;
  if (lines.length <= room) return text;
  return `${lines.slice(0, room).join("\n")}\n… ${lines.length - room} more lines\n`;
}

async function ask({ path, place }: Question): Promise<Result<AdminAnswer, string>> {
  const answer = await askAdmin(place, { method: "GET", path, timeoutMs: TIMEOUT_MS });
  if (!answer.ok || answer.value.status === 200) return answer;
  return failed(`The box at ${place.text} refuses: ${refusalText(answer.value)}`);
}

/** A box of another version may say other things than this one can show. */
function render(
  answer: AdminAnswer,
  { thing, place, isJson }: Question,
  io: CliIo,
): Result<string, string> {
  try {
    if (isJson && thing !== "endpoints") return success(answer.text);
    if (isJson) return success(endpointsJson(answer.value as unknown as ServicesView));
    return success(THINGS[thing](answer.value, io));
  } catch {
    return failed(`The box at ${place.text} speaks another version of this; try --json`);
  }
}

function isThing(word: string): word is Thing {
  return Object.hasOwn(THINGS, word);
}

function unknownThing(word: string): string {
  const things = Object.keys(THINGS);
  const near = nearest(word, things);
  const advice = near === undefined ? `there are ${things.join(", ")}` : `did you mean ${near}?`;
  return `cannot show '${word}'; ${advice}`;
}

function refuse(why: string, io: CliIo): number {
  io.stderr(`gatehouse show: ${escapeUnsafe(why)}\n`);
  return EXIT_WRONG;
}
