/** An endpoint on loopback whose every move the test makes. */
import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import type { TestContext } from "node:test";
import type { Endpoint } from "../../src/core/service.ts";

/** Listens on a free port until the test ends. */
export class EndpointServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #arrived: Socket[] = [];
  readonly #waiting: ((socket: Socket) => void)[] = [];

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => {});
      this.#sockets.add(socket);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#arrived.push(socket);
      else waiting(socket);
    });
  }

  /** Effect: listens; closes with all its connections after the test. */
  static async start(
    t: TestContext,
    at: { readonly host?: string; readonly port?: number; readonly path?: string } = {},
  ): Promise<EndpointServer> {
    const endpoint = new EndpointServer();
    endpoint.#server.listen(
      at.path === undefined
        ? { host: at.host ?? "127.0.0.1", port: at.port ?? 0 }
        : { path: at.path },
    );
    await once(endpoint.#server, "listening");
    endpoint.#server.unref();
    t.after(() => endpoint.close());
    return endpoint;
  }

  /** As discovery would tell it. */
  get endpoint(): Endpoint {
    const address = this.#server.address() as AddressInfo | string;
    if (typeof address === "string") {
      return { host: address, port: 0, weight: 1, name: `unix:${address}` };
    }
    const { port } = address;
    return { host: "127.0.0.1", port, weight: 1, name: `127.0.0.1:${port}` };
  }

  /** Connections so far that nobody has taken with `accept`. */
  get arrivedCount(): number {
    return this.#arrived.length;
  }

  /** The far end of the next connection, in the order they come. */
  async accept(): Promise<Socket> {
    return this.#arrived.shift() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Nobody listens any more, and every connection is gone. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}
