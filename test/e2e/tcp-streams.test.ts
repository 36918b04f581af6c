/** Streams between real programs: who speaks first, who says no more, and who outlives a reload. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { loadCorpus } from "../corpus/hello/corpus.ts";
import { seededRandom } from "../core/tls/seeded-random.ts";
import { hasCommand } from "../packages.ts";
import { findFreePort, runProgram, until } from "../processes.ts";
import { makeTestCertificate } from "./certificate.ts";
import { startEcho } from "./endpoints.ts";
import { type Gatehouse, type Scope, startGatehouse, temporaryFolder } from "./harness.ts";
import { startProgram } from "./programs.ts";
import { dial, readToEnd, startTcpServer } from "./raw-tcp.ts";

const NAME = "nginx.com";
/** socat waits so many seconds for the other direction when one is at its end. */
const PATIENCE = "-t30";

describe("a server that speaks first", () => {
  const skip = !["aiosmtpd", "curl", "openssl"].every(hasCommand) && "needs aiosmtpd and curl";

  test("SMTP with STARTTLS goes through a tcp gateway", { skip }, async (t) => {
    const certificate = await makeTestCertificate(t, ["mail.test"]);
    const smtp = await findFreePort();
    const server = await startProgram(
      t,
      words(
        `aiosmtpd -n -l 127.0.0.1:${smtp} -c aiosmtpd.handlers.Debugging`,
        `--tlscert ${certificate.certificateFile} --tlskey ${certificate.keyFile} stdout`,
      ),
      smtp,
    );
    const { gatehouse, port } = await startBox(t, "tcp", smtp);
    const sent = await runProgram(
      "curl",
      words(
        `-sS --ssl-reqd --cacert ${certificate.certificateFile}`,
        `--resolve mail.test:${port}:127.0.0.1 smtp://mail.test:${port}`,
        "--mail-from a@a.test --mail-rcpt b@b.test --upload-file -",
      ),
      { input: "Subject: it came through\r\n\r\nall of it\r\n" },
    );
    assert.deepEqual([sent.stderr, sent.status], ["", 0]);
    await until("the message", () => (/^all of it$/m.test(server.output) ? true : undefined));
    assert.match(server.output, /^Subject: it came through$/m);
    const line = await gatehouse.accessLog.waitFor({ kind: "tcp", service: "s" });
    assert.ok(Number(line["bytes_out"]) > 500 && Number(line["bytes_in"]) > 300);
  });
});

describe("half-close", { skip: !hasCommand("socat") && "needs socat" }, () => {
  for (const protocol of ["tcp", "tls"] as const) {
    test(`${protocol}: the answer comes though the client has said its last`, async (t) => {
      const folder = temporaryFolder(t);
      const sent = Buffer.concat([hello(), noise(8 * 1024 * 1024)]);
      const file = join(folder, "sent");
      writeFileSync(file, sent);
      const port = await startSocat(t, "EXEC:sha256sum");
      const box = await startBox(t, protocol, port);
      // sha256sum speaks when it has seen the end and not before.
      const { stdout, stderr } = await runProgram("socat", [
        PATIENCE,
        `OPEN:${file},rdonly!!STDOUT`,
        `TCP:127.0.0.1:${box.port}`,
      ]);
      assert.equal(stderr, "");
      assert.equal(stdout, `${createHash("sha256").update(sent).digest("hex")}  -\n`);
      const line = await box.gatehouse.accessLog.waitFor({ kind: protocol });
      assert.equal(line["failure"], undefined);
      assert.deepEqual([line["bytes_in"], line["bytes_out"]], [sent.length, stdout.length]);
    });
  }

  test("tcp: the server hears on though it has said its last", async (t) => {
    const folder = temporaryFolder(t);
    const [welcome, heard] = [join(folder, "welcome"), join(folder, "heard")];
    writeFileSync(welcome, "welcome\n");
    const port = await startSocat(t, `OPEN:${welcome},rdonly!!OPEN:${heard},creat,append`);
    const box = await startBox(t, "tcp", port);
    const socket = await dial(t, box.port);
    let got = "";
    for await (const chunk of socket.setEncoding("latin1").iterator({ destroyOnReturn: false })) {
      got += String(chunk);
    }
    assert.equal(got, "welcome\n");
    socket.write("late");
    await until("the late word", () => (readFileSync(heard, "utf8") === "late" ? true : undefined));
    socket.end(" and last");
    const line = await box.gatehouse.accessLog.waitFor({ kind: "tcp" });
    assert.equal(readFileSync(heard, "utf8"), "late and last");
    assert.deepEqual([line["failure"], line["bytes_in"], line["bytes_out"]], [undefined, 13, 8]);
  });
});

test("a tcp tunnel outlives reloads and is ended at the limit of the drain", async (t) => {
  const echo = await startEcho(t);
  const other = await startTcpServer(t, (socket) => socket.end("other"));
  const { gatehouse, port } = await startBox(t, "tcp", echo);
  const socket = await dial(t, port);
  const seen = { text: "" };
  socket.setEncoding("latin1").on("data", (text: string) => {
    seen.text += text;
  });
  const say = async (word: string): Promise<void> => {
    socket.write(word);
    await until(word, () => (seen.text.endsWith(word) ? true : undefined));
  };
  await say("before");
  gatehouse.writeConfig(`drain.tunnels = "300ms"\n${configuration("tcp", port, other)}`);
  assert.equal((await gatehouse.command("reload")).status, 0);
  assert.equal((await readToEnd(await dial(t, port))).toString(), "other");
  await say("after a reload that sends new ones elsewhere");
  const without = configuration("tcp", await findFreePort(), other);
  gatehouse.writeConfig(`drain.tunnels = "300ms"\n${without}`);
  assert.equal((await gatehouse.command("reload")).status, 0);
  await say("after a reload without its listener and its service");
  assert.equal(gatehouse.accessLog.having({ endpoint: `127.0.0.1:${echo}` }).length, 0);
  const cut = readToEnd(socket);
  gatehouse.signal("SIGTERM");
  await cut;
  assert.equal(await gatehouse.exited, 0);
  const line = await gatehouse.accessLog.waitFor({ endpoint: `127.0.0.1:${echo}` });
  assert.deepEqual([line["kind"], line["failure"]], ["tcp", "draining"]);
  assert.deepEqual([line["bytes_in"], line["bytes_out"]], [seen.text.length, seen.text.length]);
});

function words(...texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.split(" "));
}

interface Box {
  readonly gatehouse: Gatehouse;
  readonly port: number;
}

async function startBox(scope: Scope, protocol: "tcp" | "tls", endpoint: number): Promise<Box> {
  const port = await findFreePort();
  const config = configuration(protocol, port, endpoint);
  return { gatehouse: await startGatehouse(scope, { config }), port };
}

function configuration(protocol: "tcp" | "tls", port: number, endpoint: number): string {
  return `
[[gateway]]
name = "in"
listen = "127.0.0.1:${port}"
protocol = "${protocol}"
[[virtual_service]]
hosts = ["${protocol === "tls" ? NAME : "*"}"]
[[virtual_service.${protocol}]]
route = "s"
[service.s]
endpoints = ["127.0.0.1:${endpoint}"]
`;
}

/** A real client's, for the name that is let in. */
function hello(): Buffer {
  const capture = loadCorpus().find(({ serverName }) => serverName === NAME);
  assert.ok(capture);
  return capture.bytes;
}

function noise(length: number): Buffer {
  const random = seededRandom(length);
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 4) bytes.writeInt32LE(random(2 ** 31), at);
  return bytes;
}

/** A server whose connections each get a program of their own. */
async function startSocat(scope: Scope, address: string): Promise<number> {
  const port = await findFreePort();
  const listen = `TCP-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork`;
  await startProgram(scope, ["socat", PATIENCE, listen, address], port);
  return port;
}
