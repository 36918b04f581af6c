/** Connections that are to outlive what happens to the box. */
import { once } from "node:events";
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { loadCorpus } from "../corpus/hello/corpus.ts";
import { DEADLINE_MS } from "../processes.ts";
import type { Scope } from "./harness.ts";
import { dial } from "./raw-tcp.ts";

/** One kept-alive HTTP connection. */
export interface KeptConnection {
  /** `status body` of `GET /` with this Host. Throws when it is not on the connection of the first time. */
  get(host: string): Promise<string>;
}

/** Opens it with the first request. */
export function keepConnection(scope: Scope, port: number): KeptConnection {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  scope.after(() => agent.destroy());
  const seen: { first: number | undefined } = { first: undefined };
  return {
    get: async (host) => {
      const sent = request({ host: "127.0.0.1", port, headers: { host }, agent }).end();
      const [response, body] = await readAnswer(sent);
      const { localPort } = response.socket;
      seen.first ??= localPort;
      if (localPort !== seen.first) throw new Error("the connection was not kept");
      return `${response.statusCode} ${body}`;
    },
  };
}

/** The answer to a request that was sent, whole. */
export async function readAnswer(sent: ClientRequest): Promise<[IncomingMessage, string]> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const [response] = (await once(sent, "response", { signal })) as [IncomingMessage];
  // Taken now: a keep-alive agent takes the socket away at the end.
  const socket = response.socket;
  const body = Buffer.concat((await response.toArray({ signal })) as Buffer[]).toString();
  response.socket = socket;
  return [response, body];
}

/** One passed-through connection to an endpoint that echoes. */
export interface OpenTunnel {
  readonly socket: Socket;
  /** Resolves when the text has come back. */
  echo(text: string): Promise<void>;
}

/** Opens it with a real client's hello for `nginx.com`. */
export async function openTunnel(scope: Scope, port: number): Promise<OpenTunnel> {
  const socket = await dial(scope, port);
  const received: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => received.push(chunk));
  const echo = async (bytes: Buffer): Promise<void> => {
    const length = Buffer.concat(received).length + bytes.length;
    socket.write(bytes);
    while (Buffer.concat(received).length < length) {
      await once(socket, "data", { signal: AbortSignal.timeout(DEADLINE_MS) });
    }
    if (!Buffer.concat(received).subarray(-bytes.length).equals(bytes)) {
      throw new Error("something else came back");
    }
  };
  const hello = loadCorpus().find(({ serverName }) => serverName === "nginx.com");
  await echo(hello?.bytes ?? Buffer.alloc(0));
  return { socket, echo: (text) => echo(Buffer.from(text)) };
}
