/** Endpoints that check what they get against the pattern that it must be, and answer with a pattern. */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import {
  record,
  records,
  alpn,
  helloMessage,
  GROUPS,
  serverNames,
} from "../core/tls/hello-builder.ts";
import type { KeyPair } from "../certificates.ts";
import { HOST } from "./harness.ts";
import { PatternCheck, patternOf } from "./pattern.ts";
import type { Peer } from "./peer.ts";

/** One direction each: the client's bytes are stream 2n, the endpoint's 2n + 1. */
export interface Exchanged {
  readonly number: number;
  readonly up: number;
  readonly down: number;
}

const SWITCHING = Buffer.from(
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
);

/** What the endpoints of one test share. */
export interface Witness {
  readonly random: (below: number) => number;
  /** What was seen of foreign or missing bytes. */
  readonly problems: string[];
  /** How many streams were checked whole, by kind. */
  readonly checked: Map<string, number>;
}

export function seen(witness: Witness, kind: string, problem: string | undefined): void {
  witness.checked.set(kind, (witness.checked.get(kind) ?? 0) + 1);
  if (problem !== undefined) witness.problems.push(`${kind}: ${problem}`);
}

/** `/number-up-down-kind`; kinds: `c` Content-Length, `k` chunked, `r` 503 at first, `u` upgrade. */
export function pathOf({ number, up, down }: Exchanged, kind: string): string {
  return `/${number}-${up}-${down}-${kind}`;
}

/** What a tunnel begins with, by which its endpoint knows it. Over TLS it is a hello, in one record or more. */
export function preambleOf({ number, up, down }: Exchanged, kind: "tcp" | "tls"): Buffer {
  const name = `id-${number}-${up}-${down}.`;
  if (kind === "tcp") return Buffer.from(name);
  const message = helloMessage({ extensions: [...GROUPS, serverNames(HOST), alpn(name)] });
  return number % 2 === 0 ? record(message) : records(message, 40);
}

/** Writes the endpoint's stream in pieces of any size, and waits a while for a slow reader. */
export async function speak(
  { random }: Witness,
  { number, from, length }: { number: number; from: number; length: number },
  to: Duplex,
): Promise<void> {
  const end = from + length;
  for (let at = from; at < end && !to.destroyed;) {
    const size = Math.min(end - at, 1 + random(random(4) === 0 ? 100_000 : 5000));
    to.write(patternOf(number, at, size));
    at += size;
    if (random(3) === 0) await turn();
  }
}

/** Stops reading now and then. */
export function readSlowly({ random }: Witness, from: Readable): void {
  from.on("data", () => {
    if (random(4) > 0) return;
    from.pause();
    void pauseFor(random(random(8) === 0 ? 200 : 10)).then(() => from.resume());
  });
}

export async function pauseFor(turns: number): Promise<void> {
  for (let i = 0; i < turns; i += 1) await turn();
}

/** An HTTP endpoint, over TLS with a key pair. */
export class HttpPatternEndpoint {
  readonly #server: Server;
  readonly #witness: Witness;
  readonly #refused = new Set<string>();

  private constructor(witness: Witness, pair?: KeyPair) {
    this.#witness = witness;
    this.#server =
      pair === undefined
        ? createServer()
        : createSecureServer({ cert: pair.certificate, key: pair.privateKey });
    this.#server.on("request", (ask, reply) => this.#answer(ask, reply));
    this.#server.on("upgrade", (ask, socket, head) => this.#switch(ask, socket, head));
  }

  static async listen(witness: Witness, pair?: KeyPair): Promise<HttpPatternEndpoint> {
    const endpoint = new HttpPatternEndpoint(witness, pair);
    await new Promise<void>((done) => endpoint.#server.listen(0, "127.0.0.1", done));
    return endpoint;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  #answer(ask: IncomingMessage, reply: ServerResponse): void {
    const { number, up, down, kind } = parsePath(ask.url ?? "");
    const check = new PatternCheck(2 * number);
    const isCopy = ask.headers.host?.includes("-shadow") === true;
    ask.on("data", (bytes: Buffer) => check.take(bytes));
    readSlowly(this.#witness, ask);
    ask.on("end", () => {
      seen(this.#witness, isCopy ? "copy" : "request", check.problem(up));
      if (kind === "r" && !isCopy && !this.#refused.has(ask.url ?? "")) {
        this.#refused.add(ask.url ?? "");
        // Others are read in the meantime.
        void pauseFor(this.#witness.random(30)).then(() => reply.writeHead(503).end());
        return;
      }
      if (kind !== "k") reply.setHeader("Content-Length", down);
      reply.flushHeaders();
      const stream = { number: 2 * number + 1, from: 0, length: down };
      void speak(this.#witness, stream, reply as unknown as Duplex).then(() => reply.end());
    });
  }

  #switch(ask: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { number, up, down } = parsePath(ask.url ?? "");
    const check = new PatternCheck(2 * number);
    const first = Math.min(down, this.#witness.random(5000));
    const headBytes = this.#witness.random(SWITCHING.length);
    socket.on("error", () => undefined);
    socket.write(SWITCHING.subarray(0, headBytes));
    check.take(head);
    socket.on("data", (bytes: Buffer) => check.take(bytes));
    readSlowly(this.#witness, socket);
    socket.on("end", () => seen(this.#witness, "upgrade", check.problem(up)));
    const speakOn = async (): Promise<void> => {
      await pauseFor(this.#witness.random(30));
      const begin = patternOf(2 * number + 1, 0, first);
      socket.write(Buffer.concat([SWITCHING.subarray(headBytes), begin]));
      const rest = { number: 2 * number + 1, from: first, length: down - first };
      await speak(this.#witness, rest, socket);
      socket.end();
    };
    void speakOn();
  }
}

/** The script of an endpoint of tunnels, for `Rig.origin`. */
export function witnessTunnel(witness: Witness, kind: "tcp" | "tls"): (peer: Peer) => void {
  return (peer) => {
    let waiting: Buffer | undefined = Buffer.alloc(0);
    let check: PatternCheck | undefined;
    let told = { number: 0, up: 0, down: 0 };
    const begin = (bytes: Buffer): void => {
      const found = /id-(\d+)-(\d+)-(\d+)\./.exec(joined(bytes, kind));
      if (found === null) return;
      told = { number: Number(found[1]), up: Number(found[2]), down: Number(found[3]) };
      const preamble = preambleOf(told, kind);
      if (bytes.length < preamble.length) return;
      const isOwn = bytes.subarray(0, preamble.length).equals(preamble);
      if (!isOwn) witness.problems.push(`${kind}: another preamble`);
      check = new PatternCheck(2 * told.number);
      check.take(bytes.subarray(preamble.length));
      waiting = undefined;
      const stream = { number: 2 * told.number + 1, from: 0, length: told.down };
      void speak(witness, stream, peer.socket).then(() => peer.end());
    };
    peer.keep = false;
    peer.socket.on("data", (bytes: Buffer) => {
      if (waiting === undefined) return check?.take(bytes);
      waiting = Buffer.concat([waiting, bytes]);
      begin(waiting);
    });
    readSlowly(witness, peer.socket);
    peer.socket.on("end", () => {
      // One that was kept ready, and never used.
      if (peer.length === 0) return;
      seen(witness, kind, check === undefined ? "no preamble" : check.problem(told.up));
    });
  };
}

/** The bytes as text; of small records only what they carry. */
function joined(bytes: Buffer, kind: "tcp" | "tls"): string {
  if (kind === "tcp") return bytes.toString("latin1", 0, 60);
  let text = "";
  for (let at = 0; at + 5 < bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) {
    if (bytes[at] !== 22 || text.length > 300) break;
    text += bytes.toString("latin1", at + 5, at + 5 + bytes.readUInt16BE(at + 3));
  }
  return text;
}

function parsePath(path: string): Exchanged & { readonly kind: string } {
  const [number, up, down] = path.replace(/^.*\//, "").split("-").map(Number);
  return { number: number ?? 0, up: up ?? 0, down: down ?? 0, kind: path.at(-1) ?? "" };
}
