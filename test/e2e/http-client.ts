/** HTTP clients for tests: one request, and bounded load over kept-alive connections. */
import { get } from "node:http";
import { connect, type Socket } from "node:net";
import { DEADLINE_MS } from "../processes.ts";

/** The status of `GET /` with this Host on a connection of its own. */
export function fetchStatus(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, headers: { host }, agent: false };
    const sent = get(options, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", reject);
    });
    sent.setTimeout(DEADLINE_MS, () => sent.destroy(new Error("no answer")));
    sent.on("error", reject);
  });
}

/** Where the load goes, and how much of it. */
export interface LoadOptions {
  readonly port: number;
  readonly host: string;
  readonly connections: number;
  /** What the body of each answer ends with: a marker that stands nowhere else in it. */
  readonly marker: string;
  /** Asked before each request; false ends that connection's share. */
  readonly more: () => boolean;
  /** Told of each whole answer with status 200. */
  readonly onAnswer?: (text: string) => void;
  /** Between an answer and the next request; 0 unless said. */
  readonly pauseMs?: number;
}

/** A request that got no whole answer. */
export interface LoadFailure {
  /** The client's port: which connection it was. */
  readonly localPort: number;
  /** How many connections in the same place had failed before. */
  readonly before: number;
  readonly reason: string;
}

/** What the load saw. */
export interface LoadReport {
  readonly answered: number;
  readonly failures: readonly LoadFailure[];
  /** Local ports of the connections made. */
  readonly ports: readonly number[];
}

/**
 * Sends requests one after the other on each connection until `more` says no. A connection that fails is made anew,
 * and its request counts as failed and is not repeated. Rejects when no connection can be made, or at the deadline.
 */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const report = { answered: 0, failures: [] as LoadFailure[], ports: [] as number[] };
  const request = Buffer.from(`GET / HTTP/1.1\r\nHost: ${options.host}\r\n\r\n`);
  const runOne = async (): Promise<void> => {
    for (let before = 0; options.more(); before += 1) {
      const failure = await useConnection(options, request, report);
      if (failure !== undefined) report.failures.push({ ...failure, before });
    }
  };
  await Promise.all(Array.from({ length: options.connections }, runOne));
  return report;
}

/** Resolves when there is no more to ask, or to why the connection came to its end before. */
function useConnection(
  { port, marker, more, onAnswer, pauseMs = 0 }: LoadOptions,
  request: Buffer,
  report: { answered: number; readonly ports: number[] },
): Promise<Omit<LoadFailure, "before"> | undefined> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const seen = { rest: "", connected: false, localPort: 0, reason: "closed" };
    const fail = (error: Error): void => void (seen.reason = error.message);
    socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error("no answer in time")));
    socket.on("error", fail);
    socket.on("connect", () => {
      seen.connected = true;
      seen.localPort = socket.localPort ?? 0;
      report.ports.push(seen.localPort);
      socket.write(request);
    });
    socket.setEncoding("latin1").on("data", (text: string) => {
      seen.rest += text;
      if (!seen.rest.endsWith(marker)) return;
      if (!seen.rest.startsWith("HTTP/1.1 200 ")) {
        socket.destroy(new Error(seen.rest.split("\r\n")[0]));
        return;
      }
      onAnswer?.(seen.rest);
      seen.rest = "";
      report.answered += 1;
      if (more()) {
        if (pauseMs === 0) socket.write(request);
        else setTimeout(() => socket.write(request), pauseMs);
        return;
      }
      seen.reason = "";
      socket.destroy();
    });
    socket.on("close", () => {
      const { connected, reason, localPort } = seen;
      if (!connected) reject(new Error(`no connection: ${reason}`));
      else resolve(reason === "" ? undefined : { localPort, reason });
    });
  });
}
