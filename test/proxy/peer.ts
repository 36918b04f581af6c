/** Raw TCP peers for tests: clients and scripted endpoints that keep everything they saw. */
import assert from "node:assert/strict";
import {
  type AddressInfo,
  type ListenOptions,
  type Server,
  type Socket,
  connect,
  createServer,
} from "node:net";

const WAIT_MS = 10_000;

/** Resolves when the condition holds; fails with `what` after a deadline. */
export async function until(
  condition: () => boolean,
  what: string | (() => string),
  waitMs = WAIT_MS,
): Promise<void> {
  const limit = performance.now() + waitMs;
  while (!condition()) {
    if (performance.now() > limit) {
      assert.fail(`not in time: ${typeof what === "string" ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** One side of a TCP connection, half-open allowed. Reads all the time, unless told to `hold`. */
export class Peer {
  readonly socket: Socket;
  ended = false;
  closed = false;
  connected: boolean;
  error: NodeJS.ErrnoException | undefined;
  /** Everything received; `keep` false counts only. */
  length = 0;
  keep = true;
  #chunks: Buffer[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    this.connected = !socket.connecting;
    socket.on("connect", () => (this.connected = true));
    socket.on("data", (chunk: Buffer) => {
      this.length += chunk.length;
      if (this.keep) this.#chunks.push(chunk);
    });
    socket.on("end", () => (this.ended = true));
    socket.on("error", (error) => (this.error = error));
    socket.on("close", () => (this.closed = true));
  }

  /** A connected client; waits for the connection. */
  static async connect(port: number): Promise<Peer> {
    const peer = new Peer(connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true }));
    await until(() => peer.connected || peer.closed, "client connected");
    return peer;
  }

  get bytes(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** What came, as latin1. */
  get text(): string {
    return this.bytes.toString("latin1");
  }

  /** It was reset by the other side. */
  get wasReset(): boolean {
    return this.error?.code === "ECONNRESET" || this.error?.code === "EPIPE";
  }

  write(data: string | Uint8Array): void {
    if (typeof data === "string") this.socket.write(data, "latin1");
    else this.socket.write(data);
  }

  /** Each byte in a segment of its own. */
  async writeBytewise(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    for (let i = 0; i < bytes.length && !this.closed; i += 1) {
      this.socket.write(bytes.subarray(i, i + 1));
      await flushed(this);
    }
  }

  /** Stops reading: the kernel's buffers fill. */
  hold(): void {
    this.socket.pause();
  }

  release(): void {
    this.socket.resume();
  }

  end(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Waits until the text has come `times` times; returns everything received. */
  async see(text: string, times = 1): Promise<string> {
    await until(
      () => count(this.text, text) >= times,
      () => `${times} × ${JSON.stringify(text)} in ${JSON.stringify(this.text.slice(-2000))}`,
    );
    return this.text;
  }

  async seeBytes(length: number): Promise<Buffer> {
    await until(
      () => this.length >= length,
      () => `${length} bytes, ${this.length} came: ${JSON.stringify(this.text.slice(-500))}`,
    );
    return this.bytes;
  }

  async seeEnd(): Promise<string> {
    await until(
      () => this.ended || this.closed,
      () => `FIN after ${JSON.stringify(this.text.slice(-500))}`,
    );
    return this.text;
  }

  async seeClose(): Promise<string> {
    await until(
      () => this.closed,
      () => `close after ${JSON.stringify(this.text.slice(-500))}`,
    );
    return this.text;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Resolves when what was written has left for the kernel. */
export async function flushed(peer: Peer): Promise<void> {
  await until(() => peer.socket.writableLength === 0 || peer.closed, "write flushed");
}

/** Resolves when a value has stayed the same for a while: what the test waits for does not happen any more. */
export async function quiet(value: () => unknown, polls = 60): Promise<void> {
  let last = value();
  let same = 0;
  await until(() => {
    const now = value();
    same = now === last ? same + 1 : 0;
    last = now;
    return same >= polls;
  }, "a value that stays");
}

export function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** A listening endpoint; `script` is called for each connection. */
export class Origin {
  readonly peers: Peer[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(
    script: (peer: Peer, index: number) => void = () => undefined,
    at: ListenOptions = { port: 0, host: "127.0.0.1" },
  ): Promise<Origin> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const origin = new Origin(server);
    server.on("connection", (socket) => {
      const peer = new Peer(socket);
      origin.peers.push(peer);
      script(peer, origin.peers.length - 1);
    });
    await new Promise<void>((resolve) => server.listen(at, resolve));
    return origin;
  }

  /** Answers each request head, without a body, at once; `reply` gets the head. */
  static async answering(
    reply: (head: string, index: number) => string,
    at?: ListenOptions,
  ): Promise<Origin> {
    return Origin.listen((peer) => {
      let waiting = "";
      let index = 0;
      peer.socket.on("data", (chunk: Buffer) => {
        waiting += chunk.toString("latin1");
        let end = waiting.indexOf("\r\n\r\n");
        while (end >= 0) {
          peer.write(reply(waiting.slice(0, end + 4), index));
          index += 1;
          waiting = waiting.slice(end + 4);
          end = waiting.indexOf("\r\n\r\n");
        }
      });
    }, at);
  }

  /** The head at the beginning and where its body ends; undefined while there is no whole head, or no end in sight. */
  static headIn(text: string): { readonly head: string; readonly bodyEnd: number } | undefined {
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const head = text.slice(0, end);
    const bodyStart = end + 4;
    if (!/transfer-encoding/i.test(head)) {
      return { head, bodyEnd: bodyStart + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0) };
    }
    const last = text.indexOf("0\r\n\r\n", bodyStart);
    return last < 0 ? undefined : { head, bodyEnd: last + 5 };
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The connection with this number, once it is there. */
  async peer(index = 0): Promise<Peer> {
    await until(() => this.peers[index] !== undefined, `connection ${index} to the endpoint`);
    return this.peers[index] as Peer;
  }

  /** Stops listening; what is open lives on. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close();
      resolve();
    });
  }

  async close(): Promise<void> {
    await this.stop();
    for (const peer of this.peers) peer.destroy();
  }
}
