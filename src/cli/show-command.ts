/** `gatehouse show`. */
import { nearest } from "../config/nearest.ts";
import { failed, type Result, success } from "../core/result.ts";
import type { ListenersView, RoutesView, ServicesView, SnapshotView } from "../core/views.ts";
import { escapeUnsafe } from "../telemetry/log-format.ts";
import { type AdminAnswer, askAdmin, refusalText } from "./admin-client.ts";
import { type AdminPlace, findAdminPlace } from "./admin-place.ts";
import type { Arguments } from "./command-spec.ts";
import { type CliIo, EXIT_FAILED, EXIT_FINE, EXIT_WRONG } from "./cli-io.ts";
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
  snapshot: (value: unknown, io: CliIo) => snapshotTable(value as SnapshotView, io.colour.stdout),
} as const;

type Thing = keyof typeof THINGS;

/** Prints what the running box has; 1 when it cannot be asked. */
export async function showCommand(given: Arguments, io: CliIo): Promise<number> {
  const [word = ""] = given.operands;
  if (!isThing(word)) return refuse(unknownThing(word), io);
  const place = findAdminPlace(given, io);
  if (!place.ok) return refuse(place.error, io);
  const isJson = given.flags.has("json");
  if (!given.flags.has("watch")) return showOnce({ thing: word, place: place.value, isJson }, io);
  if (isJson) return refuse("--watch and --json exclude each other", io);
  if (io.rows === undefined) return refuse("--watch needs a terminal", io);
  return watch(word, place.value, io);
}

interface Question {
  readonly thing: Thing;
  readonly place: AdminPlace;
  readonly isJson: boolean;
}

async function showOnce(question: Question, io: CliIo): Promise<number> {
  const answer = await ask(question.thing, question.place);
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
async function watch(thing: Thing, place: AdminPlace, io: CliIo): Promise<number> {
  do {
    const answer = await ask(thing, place);
    const shown = answer.ok ? render(answer.value, { thing, place, isJson: false }, io) : answer;
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

async function ask(thing: Thing, place: AdminPlace): Promise<Result<AdminAnswer, string>> {
  const answer = await askAdmin(place, { method: "GET", path: `/${thing}`, timeoutMs: TIMEOUT_MS });
  if (!answer.ok || answer.value.status === 200) return answer;
  return failed(`The box at ${place.text} refuses: ${refusalText(answer.value)}`);
}

/** A box of another version may say other things than this one can show. */
function render(
  answer: AdminAnswer,
  { thing, place, isJson }: Question,
  io: CliIo,
): Result<string, string> {
  if (isJson) return success(answer.text);
  try {
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
