/**
 * A worker that can be made to die: not in the shipped executable, which has no back door, but in one that
 * faulty-build.ts makes. Besides that it is the real one. When the file that GATEHOUSE_TEST_FAULT names appears, one
 * worker takes it, writes into it the ports of the clients whose connections it holds, and throws.
 */
import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { FromWorker, ToWorker } from "../../src/core/messages.ts";
import { readConnectionsQuery } from "../../src/core/open-connections.ts";
// An entry has effects and no exports.
// oxlint-disable-next-line import/no-unassigned-import
import "../../src/worker/main.ts";

const POLL_MS = 5;

/** Where the ports of the connections that died with the worker stand. */
const TAKEN_SUFFIX = ".taken";
/** The main thread asks by numbers from 1. */
const OWN_QUESTION = 0;

const fault = process.env["GATEHOUSE_TEST_FAULT"] ?? "";

assert(parentPort);
const port = parentPort;
const post = port.postMessage.bind(port);
port.postMessage = (message: FromWorker): void => {
  if (message.type !== "connections" || message.id !== OWN_QUESTION) return post(message);
  die(message.page.connections.map(({ client }) => client.port));
};
setInterval(dieIfTold, POLL_MS);

function dieIfTold(): void {
  try {
    // Only one of all workers can do that.
    renameSync(fault, `${fault}.claimed`);
  } catch {
    return;
  }
  const query = readConnectionsQuery({});
  assert(query.ok);
  const question: ToWorker = { type: "connections", id: OWN_QUESTION, query: query.value };
  port.emit("message", question);
}

function die(ports: readonly number[]): void {
  writeFileSync(`${fault}.claimed`, JSON.stringify(ports));
  renameSync(`${fault}.claimed`, `${fault}${TAKEN_SUFFIX}`);
  throw new Error("the fault of the test");
}
