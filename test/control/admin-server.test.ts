import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { spawnSync } from "node:child_process";
import { createAdminApp } from "../../src/admin/app.ts";
import { createAdminServer } from "../../src/admin/server.ts";
import { startAdmin } from "../../src/control/admin-server.ts";
import { createFunctions } from "../admin/fixtures/functions.ts";
import { connectOptions, sendRaw } from "../admin/fixtures/raw-request.ts";

const ANY_PORT = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
const GET = ["GET /healthz HTTP/1.1", "Host: localhost"];

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-admin-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("startAdmin() says its real address and frees it with close()", async () => {
  const { functions } = createFunctions();
  const first = await startAdmin(ANY_PORT, functions);
  const port = Number(first.address.split(":")[1]);
  await first.close();
  const second = await startAdmin({ ...ANY_PORT, port }, functions);
  assert.equal(second.address, first.address);
  await second.close();
});

test("startAdmin() names address and remedy when the port is taken", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  await assert.rejects(
    startAdmin({ ...ANY_PORT, port }, createFunctions().functions),
    new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: something else listens there`),
  );
});

test("startAdmin() listens on a unix socket that others cannot open and removes it at the end", async (t) => {
  const path = join(temporaryFolder(t), "admin.sock");
  const admin = await startAdmin({ kind: "unix", path }, createFunctions().functions);
  assert.equal(admin.address, `unix:${path}`);
  assert.equal(statSync(path).mode & 0o777, 0o660);
  assert.equal((await sendRaw(admin.address, GET)).status, 200);
  await admin.close();
  assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
});

test("startAdmin() replaces the socket of a process that was killed", async (t) => {
  const path = join(temporaryFolder(t), "admin.sock");
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", script]);
  assert.ok(statSync(path).isSocket());
  const admin = await startAdmin({ kind: "unix", path }, createFunctions().functions);
  assert.equal((await sendRaw(admin.address, GET)).status, 200);
  await admin.close();
});

test("startAdmin() leaves a socket that answers and a file that is none", async (t) => {
  const folder = temporaryFolder(t);
  const live = join(folder, "live.sock");
  const admin = await startAdmin({ kind: "unix", path: live }, createFunctions().functions);
  t.after(() => admin.close());
  const second = startAdmin({ kind: "unix", path: live }, createFunctions().functions);
  await assert.rejects(second, /something else listens there/);
  assert.equal((await sendRaw(admin.address, GET)).status, 200);
  const file = join(folder, "file");
  writeFileSync(file, "precious");
  chmodSync(file, 0o600);
  const third = startAdmin({ kind: "unix", path: file }, createFunctions().functions);
  await assert.rejects(third, /a file that is no socket is there/);
  assert.equal(statSync(file).size, 8);
});

test("startAdmin() serves connections that come together, before the app is loaded", async (t) => {
  const admin = await startAdmin(ANY_PORT, createFunctions().functions);
  t.after(() => admin.close());
  const answers = await Promise.all(Array.from({ length: 8 }, () => sendRaw(admin.address, GET)));
  assert.deepEqual(
    answers.map(({ status }) => status),
    Array.from({ length: 8 }, () => 200),
  );
});

test("AdminHandle.close() waits for the request that is being answered", async () => {
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<string>();
  const { functions } = createFunctions({
    metrics: () => {
      started.resolve();
      return finish.promise;
    },
  });
  const admin = await startAdmin(ANY_PORT, functions);
  const answer = sendRaw(admin.address, ["GET /metrics HTTP/1.1", "Host: localhost"]);
  await started.promise;
  const closed = admin.close();
  finish.resolve("# done\n");
  assert.match((await answer).body, /# done/);
  await closed;
});

test("createAdminServer() ends a request whose head never comes", async (t) => {
  const { functions } = createFunctions();
  const http = createAdminServer(createAdminApp(functions, ANY_PORT), {
    headersMs: 20,
    requestMs: 20,
    checkMs: 5,
  });
  const server = createServer((socket) => void http.emit("connection", socket));
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const socket = createConnection(connectOptions(`127.0.0.1:${port}`));
  socket.write("GET / HTTP/1.1\r\n");
  assert.match(await text(socket), /^HTTP\/1\.1 408 /);
});
