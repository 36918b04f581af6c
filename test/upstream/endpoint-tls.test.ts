/** TLS to endpoints that are Node's own, with certificates of the test's. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { type TestContext, describe, test } from "node:test";
import { type TLSSocket, type TlsOptions, createServer as createTlsServer } from "node:tls";
import type { Endpoint, EndpointTls, Service } from "../../src/core/service.ts";
import { makeCertificate } from "../../src/demo/certificate.ts";
import { ServiceState } from "../../src/upstream/service-state.ts";
import { type KeyPair, TestAuthority } from "../certificates.ts";
import { PLAIN_SERVICE } from "../fixtures/service.ts";
import {
  ACTIVE_SLOT,
  CONNECT_MS,
  CONNECT_SLOT,
  RecordingUser,
  closed,
  createContext,
} from "./fixtures.ts";

const LIMIT = { timeout: 20_000 };
const AUTHORITY = await TestAuthority.make();
const OTHER_AUTHORITY = await TestAuthority.make("other");
const OWN = await AUTHORITY.issue(["a.test"]);

const TRUSTING: EndpointTls = {
  serverName: "a.test",
  ca: AUTHORITY.own.certificate,
  certificate: undefined,
  privateKey: undefined,
  insecure: false,
};

/** An endpoint that speaks TLS. */
class TlsEndpoint {
  readonly endpoint: Endpoint;
  readonly #arrived: TLSSocket[] = [];
  #wake: (() => void) | undefined;

  private constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }

  static async start(t: TestContext, { certificate, privateKey }: KeyPair, more: TlsOptions = {}) {
    const server = createTlsServer({ cert: certificate, key: privateKey, ...more });
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => sockets.add(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    const { port } = server.address() as AddressInfo;
    const endpoint = new TlsEndpoint({ host: "127.0.0.1", port, weight: 1, name: `e:${port}` });
    server.on("secureConnection", (socket) => {
      socket.on("error", () => undefined);
      endpoint.#arrived.push(socket);
      endpoint.#wake?.();
    });
    return endpoint;
  }

  /** The far end of the next connection, once its handshake is over there too. */
  async accept(): Promise<TLSSocket> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    if (this.#arrived.length === 0) await promise;
    return this.#arrived.shift() as TLSSocket;
  }
}

function start(t: TestContext, tls: EndpointTls, more: Partial<Service> = {}) {
  const context = createContext();
  const service: Service = {
    name: "web",
    sources: [],
    ...PLAIN_SERVICE,
    timeouts: { connectMs: CONNECT_MS, responseMs: 60_000, idleMs: 60_000 },
    pool: { ...PLAIN_SERVICE.pool, connectionsMax: 1 },
    slots: { upstreamActive: ACTIVE_SLOT, connectSeconds: CONNECT_SLOT, retries: 0 },
    tls,
    ...more,
  };
  const state = new ServiceState(context, service, 0);
  t.after(() => state.close());
  return { context, state, service };
}

/** What came of one connection. */
async function dial(
  t: TestContext,
  state: ServiceState,
  { endpoint, isHttp = true }: { endpoint: Endpoint; isHttp?: boolean },
) {
  const user = new RecordingUser();
  state.setEndpoints([endpoint]);
  const proxied = {
    client: { address: "192.0.2.1", port: 1 },
    destination: { address: "192.0.2.2", port: 2 },
  };
  const connection = state.dial({ endpoint, isHttp, proxied }, user);
  assert.ok(connection, "the one place is free");
  t.after(() => connection.destroy());
  await Promise.race([user.until("connect"), user.until("close")]);
  return { user, connection };
}

/** The failure of a connection, which must leave nothing behind. */
async function fails(t: TestContext, tls: EndpointTls, endpoint: Endpoint) {
  const { context, state } = start(t, tls);
  const { user } = await dial(t, state, { endpoint });
  await user.until("close");
  assert.equal(user.told.includes("connect"), false);
  assert.equal(context.slots[ACTIVE_SLOT], 0);
  assert.equal(context.deadlines.size, 0);
  // Its place is free again.
  const again = state.dial({ endpoint, isHttp: true }, new RecordingUser());
  assert.ok(again);
  again.destroy();
  return user.failure;
}

describe("EndpointTlsClient", () => {
  test(
    "verifies, says the name, speaks HTTP/1.1, and keeps the connection alive",
    LIMIT,
    async (t) => {
      const options = { ALPNProtocols: ["h2", "http/1.1"] };
      const far = await TlsEndpoint.start(t, OWN, options);
      const { state } = start(t, TRUSTING);
      const { user, connection } = await dial(t, state, { endpoint: far.endpoint });
      assert.equal(user.failure, undefined);
      const arrived = await far.accept();
      connection.socket.write("ping");
      const [data] = (await once(arrived, "data")) as [Buffer];
      assert.deepEqual(
        [String(data), arrived.servername, arrived.alpnProtocol],
        ["ping", "a.test", "http/1.1"],
      );
      arrived.write("pong");
      await user.until("data");
      assert.equal(user.data, "pong");
      state.release(connection);
      const next = new RecordingUser();
      assert.equal(state.takeIdle(far.endpoint, next), connection);
      arrived.write("again");
      await next.until("data");
      arrived.end();
      await next.until("end");
    },
  );

  test("a tunnel says nothing of protocols, and half-closes", LIMIT, async (t) => {
    const far = await TlsEndpoint.start(t, OWN, { ALPNProtocols: ["h2"], allowHalfOpen: true });
    const { state } = start(t, TRUSTING);
    const { user, connection } = await dial(t, state, { endpoint: far.endpoint, isHttp: false });
    connection.socket.write("bye");
    connection.socket.end();
    const arrived = await far.accept();
    arrived.resume();
    await once(arrived, "end");
    assert.equal(arrived.alpnProtocol, false);
    arrived.end("answer");
    await user.until("close");
    assert.deepEqual([user.data, user.told], ["answer", ["connect", "data", "end", "close"]]);
  });

  test(
    "an idle connection that the endpoint closes or speaks on is forgotten",
    LIMIT,
    async (t) => {
      const far = await TlsEndpoint.start(t, OWN);
      const { context, state } = start(t, TRUSTING);
      for (const leave of [(s: TLSSocket) => s.end(), (s: TLSSocket) => s.write("unasked")]) {
        const { connection } = await dial(t, state, { endpoint: far.endpoint });
        state.release(connection);
        const gone = closed(connection);
        leave(await far.accept());
        await gone;
        assert.equal(state.takeIdle(far.endpoint, new RecordingUser()), undefined);
        assert.equal(context.slots[ACTIVE_SLOT], 0);
      }
    },
  );

  test("the DNS name is verified when there is no sni", LIMIT, async (t) => {
    const far = await TlsEndpoint.start(t, OWN);
    const named = { ...TRUSTING, serverName: undefined };
    const { state } = start(t, named);
    const { connection } = await dial(t, state, {
      endpoint: { ...far.endpoint, dnsName: "a.test" },
    });
    assert.equal(connection.usable, true);
    const wrong = await fails(t, named, { ...far.endpoint, dnsName: "b.test" });
    assert.equal(wrong?.kind, "connect-certificate");
    assert.match(wrong?.detail ?? "", /^wrong name: .*b\.test/);
    assert.deepEqual(await fails(t, named, far.endpoint), {
      kind: "connect-certificate",
      detail: `${far.endpoint.name} has no name to verify: say tls.sni`,
    });
  });

  test(
    "refuses what has expired, is not valid yet, or comes from an unknown authority",
    LIMIT,
    async (t) => {
      const day = 24 * 3_600_000;
      const now = Date.now();
      const expired = await AUTHORITY.issue(["a.test"], { fromMs: now - 3 * day, toMs: now - day });
      const early = await AUTHORITY.issue(["a.test"], { fromMs: now + day, toMs: now + 3 * day });
      const foreign = await OTHER_AUTHORITY.issue(["a.test"]);
      const self = await makeCertificate(["a.test"], now);
      const ROWS: readonly (readonly [KeyPair, RegExp])[] = [
        [expired, /^expired: /],
        [early, /^not valid yet: /],
        [foreign, /^unknown authority: /],
        [self, /^unknown authority: /],
        [await AUTHORITY.issue(["b.test"]), /^wrong name: .*DNS:b\.test/],
      ];
      for (const [pair, detail] of ROWS) {
        const { endpoint } = await TlsEndpoint.start(t, pair);
        const failure = await fails(t, TRUSTING, endpoint);
        assert.equal(failure?.kind, "connect-certificate", String(detail));
        assert.match(failure?.detail ?? "", detail);
      }
      // Without an authority of its own it is for the box to trust, which does not know ours.
      const { endpoint } = await TlsEndpoint.start(t, OWN);
      const failure = await fails(t, { ...TRUSTING, ca: undefined }, endpoint);
      assert.match(failure?.detail ?? "", /^unknown authority: /);
      const insecure = start(t, {
        ...TRUSTING,
        ca: undefined,
        insecure: true,
        serverName: undefined,
      });
      const { connection } = await dial(t, insecure.state, { endpoint });
      assert.equal(connection.usable, true);
    },
  );

  test("shows its certificate where the endpoint wants one", LIMIT, async (t) => {
    const client = await AUTHORITY.issue(["client.test"]);
    const far = await TlsEndpoint.start(t, OWN, {
      requestCert: true,
      rejectUnauthorized: true,
      ca: AUTHORITY.own.certificate,
    });
    const shown = { certificate: client.certificate, privateKey: client.privateKey };
    const { state } = start(t, { ...TRUSTING, ...shown });
    const { connection } = await dial(t, state, { endpoint: far.endpoint });
    connection.socket.write("x");
    assert.equal((await far.accept()).getPeerCertificate().subject.CN, "client.test");
  });

  test("says so when the endpoint wants a certificate and gets none", LIMIT, async (t) => {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const wants = { requestCert: true, rejectUnauthorized: true, ca: AUTHORITY.own.certificate };
      const { endpoint } = await TlsEndpoint.start(t, OWN, { ...wants, maxVersion });
      const { context, state } = start(t, TRUSTING);
      const { user } = await dial(t, state, { endpoint });
      await user.until("close");
      // In TLS 1.3 it is refused only after the handshake: the request may have been seen by then.
      const kind = maxVersion === "TLSv1.3" ? "upstream-reset" : "connect-tls";
      assert.equal(user.failure?.kind, kind, JSON.stringify(user.failure));
      assert.match(user.failure?.detail ?? "", /ERR_SSL|handshake/);
      assert.equal(context.slots[ACTIVE_SLOT], 0);
    }
  });

  test("refuses versions before 1.2", LIMIT, async (t) => {
    const old = {
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    } as const;
    const { endpoint } = await TlsEndpoint.start(t, OWN, old);
    assert.equal((await fails(t, TRUSTING, endpoint))?.kind, "connect-tls");
  });

  test("resumes sessions, with each endpoint its own", LIMIT, async (t) => {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const far = await TlsEndpoint.start(t, OWN, { maxVersion });
      const other = await TlsEndpoint.start(t, OWN, { maxVersion });
      const { state, service } = start(t, TRUSTING);
      const isReused = async (at: TlsEndpoint): Promise<boolean> => {
        const { user, connection } = await dial(t, state, { endpoint: at.endpoint });
        const arrived = await at.accept();
        // The tickets of TLS 1.3 come with what is sent first.
        arrived.write("hello");
        await user.until("data");
        connection.destroy();
        return arrived.isSessionReused();
      };
      assert.deepEqual(
        [await isReused(far), await isReused(far), await isReused(other), await isReused(far)],
        [false, true, false, true],
      );
      // A reload that trusts others forgets them.
      const both = `${AUTHORITY.own.certificate}\n${OTHER_AUTHORITY.own.certificate}`;
      state.update({ ...service, tls: { ...TRUSTING, ca: both } });
      assert.deepEqual([await isReused(far), await isReused(far)], [false, true]);
    }
  });

  test("a PROXY header goes before the handshake, in plain text", LIMIT, async (t) => {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { state } = start(t, TRUSTING, { proxyProtocol: "v1" });
    const user = new RecordingUser();
    const endpoint = { host: "127.0.0.1", port, weight: 1, name: "e" };
    const proxied = {
      client: { address: "192.0.2.1", port: 1 },
      destination: { address: "192.0.2.2", port: 2 },
    };
    const connection = state.dial({ endpoint, isHttp: true, proxied }, user);
    t.after(() => connection?.destroy());
    const [socket] = (await once(server, "connection")) as [Socket];
    t.after(() => socket.destroy());
    const header = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";
    let seen = Buffer.alloc(0);
    while (seen.length <= header.length) {
      seen = Buffer.concat([seen, ((await once(socket, "data")) as [Buffer])[0]]);
    }
    assert.equal(seen.toString("latin1", 0, header.length), header);
    assert.equal(seen[header.length], 0x16, "a TLS handshake record");
  });

  test("tells peers that do not speak TLS, close, or say nothing", LIMIT, async (t) => {
    let behave = speakHttp;
    const plain = createServer((socket) => {
      socket.on("error", () => undefined);
      behave(socket);
    });
    plain.listen(0, "127.0.0.1");
    await once(plain, "listening");
    t.after(() => plain.close());
    const { port } = plain.address() as AddressInfo;
    const endpoint = { host: "127.0.0.1", port, weight: 1, name: "e" };
    const text = await fails(t, TRUSTING, endpoint);
    assert.equal(text?.kind, "connect-tls");
    assert.match(text?.detail ?? "", /does not speak TLS/);
    behave = (socket) => socket.end();
    assert.equal((await fails(t, TRUSTING, endpoint))?.kind, "connect-tls");
    // The connect time limit is for the handshake too.
    const silent: Socket[] = [];
    behave = (socket) => silent.push(socket);
    t.after(() => silent.forEach((socket) => socket.destroy()));
    const { context, state } = start(t, TRUSTING);
    const user = new RecordingUser();
    state.setEndpoints([endpoint]);
    state.dial({ endpoint, isHttp: true }, user);
    while (silent.length === 0) await new Promise(setImmediate);
    context.pass(CONNECT_MS + 200);
    await user.until("close");
    assert.equal(user.failure?.kind, "connect-timeout");
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });

  test("certificates that cannot be used are a failure and no crash", LIMIT, async (t) => {
    const { endpoint } = await TlsEndpoint.start(t, OWN);
    const broken = { ...TRUSTING, certificate: "no PEM", privateKey: "no PEM" };
    assert.equal((await fails(t, broken, endpoint))?.kind, "connect-tls");
  });
});

function speakHttp(socket: Socket): unknown {
  return socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
}
