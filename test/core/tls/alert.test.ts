import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { ALERT, encodeAlert } from "../../../src/core/tls/alert.ts";

test("encodeAlert() gives one record with a fatal alert", () => {
  assert.equal(Buffer.from(encodeAlert(ALERT.unrecognizedName)).toString("hex"), "15030100020270");
  assert.equal(Buffer.from(encodeAlert(ALERT.decodeError)).toString("hex"), "15030100020232");
});

test("encodeAlert() is understood by a TLS client as the alert of its name", async () => {
  const expected = {
    [ALERT.unexpectedMessage]: "unexpected message",
    [ALERT.recordOverflow]: "record overflow",
    [ALERT.illegalParameter]: "illegal parameter",
    [ALERT.decodeError]: "decode error",
    [ALERT.protocolVersion]: "protocol version",
    [ALERT.internalError]: "internal error",
    [ALERT.missingExtension]: "missing extension",
    [ALERT.unrecognizedName]: "unrecognized name",
  };
  assert.deepEqual(Object.keys(expected).toSorted(), Object.values(ALERT).map(String).toSorted());
  for (const [alert, text] of Object.entries(expected)) {
    assert.match(await errorOfClient(Number(alert)), new RegExp(`alert ${text}|${text}`));
  }
});

async function errorOfClient(alert: number): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(encodeAlert(alert)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    const client = connectTls({ socket: connect(port, "127.0.0.1"), rejectUnauthorized: false });
    const [error] = (await once(client, "error")) as [Error];
    return error.message;
  } finally {
    server.close();
  }
}
