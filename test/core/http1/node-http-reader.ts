/** A second opinion: node:http's parser in its strict mode, fed from memory. */
import { type IncomingMessage, Server } from "node:http";
import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";

/** One request as node:http read it. */
export interface NodeRequest {
  readonly method: string;
  readonly target: string;
  /** Lower-case names in order. */
  readonly names: readonly string[];
  readonly body: Buffer;
  /** Its end was seen. */
  readonly complete: boolean;
}

/** What node:http made of the bytes of one connection. */
export interface NodeOutcome {
  readonly requests: readonly NodeRequest[];
  /** Code of the parser's error, or the status that node:http answers by itself; undefined = all is well so far. */
  readonly refusal: string | undefined;
}

interface Reading {
  readonly request: IncomingMessage;
  readonly chunks: Buffer[];
  complete: boolean;
}

/** A socket of which the far end is this class: what is pushed has been received. */
class MemorySocket extends Duplex {
  readonly readings: Reading[] = [];
  refusal: string | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const status = /^HTTP\/1\.1 (4\d\d)/.exec(chunk.toString("latin1"))?.[1];
    if (status !== undefined) this.refusal ??= status;
    done();
  }

  /** node:http sets time limits on its sockets; nothing waits here. */
  setTimeout(): this {
    return this;
  }
}

/** Reads connections with one server that never listens. */
export class NodeHttpReader {
  readonly #server = new Server({ maxHeaderSize: 64 * 1024, insecureHTTPParser: false });

  constructor() {
    this.#server.maxHeadersCount = 0;
    this.#server.on("request", (request: IncomingMessage, response) => {
      const socket: unknown = request.socket;
      if (!(socket instanceof MemorySocket)) throw new Error("not a connection of this reader");
      const reading: Reading = { request, chunks: [], complete: false };
      socket.readings.push(reading);
      request.on("data", (chunk: Buffer) => reading.chunks.push(chunk));
      request.on("end", () => (reading.complete = true));
      request.on("error", () => {});
      response.end();
    });
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      // Not destroyed here: the bodies of the requests before it are still on their way to their listeners.
      if (socket instanceof MemorySocket) socket.refusal ??= error.code ?? error.message;
    });
  }

  /** Each item is all that one connection has received; none of them has ended. */
  async readAll(connections: readonly Buffer[]): Promise<readonly NodeOutcome[]> {
    const sockets = connections.map((bytes) => {
      const socket = new MemorySocket();
      socket.on("error", () => {});
      this.#server.emit("connection", socket);
      socket.push(bytes);
      return socket;
    });
    // The parser runs as the streams flow, which takes ticks of this turn of the event loop and no input or output.
    await nextTurn();
    const outcomes = sockets.map(outcomeOf);
    for (const socket of sockets) socket.destroy();
    await nextTurn();
    return outcomes;
  }
}

function outcomeOf({ readings, refusal }: MemorySocket): NodeOutcome {
  const requests = readings.map(({ request, chunks, complete }) => ({
    method: request.method ?? "",
    target: request.url ?? "",
    names: request.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()),
    body: Buffer.concat(chunks),
    complete,
  }));
  return { requests, refusal };
}
