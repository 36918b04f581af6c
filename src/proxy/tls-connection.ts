/** One TLS connection from a client: its ClientHello is read, never decrypted, and it is joined to an endpoint. */
import { FAILURES, type Failure } from "../core/failure.ts";
import { encodeAlert } from "../core/tls/alert.ts";
import { type ClientHello, HelloReader, type HelloRefused } from "../core/tls/client-hello.ts";
import { isHandshakeOnly } from "../core/tls/flight.ts";
import { computeJa4, joinHelloRecords } from "../core/tls/ja4.ts";
import type { ProxiedClient } from "../upstream/proxied-client.ts";
import type { Accepted } from "./accepted.ts";
import type { ListenerView, ProxyContext } from "./context.ts";
import { routeTls } from "./route-tls.ts";
import type { StreamFacts } from "./routed-stream.ts";
import { StreamConnection } from "./stream-connection.ts";

const HTTP_ANSWER = Buffer.from(
  "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 32\r\nConnection: close\r\n\r\n" +
    "This is the TLS port: use https\n",
);
const NO_ANSWER = new Uint8Array(0);

/** Nothing is written to the client before its hello has decided; then either an alert, or the endpoint speaks. */
export class TlsConnection extends StreamConnection {
  readonly #reader: HelloReader;
  #hello: ClientHello | undefined;
  #ja4: string | undefined;

  /** See StreamConnection. */
  constructor(accepted: Accepted, view: ListenerView, context: ProxyContext) {
    super(accepted, view, context);
    this.#reader = new HelloReader(view.listener.limits.helloBytesMax);
    this.deadlineMs = context.deadlines.after(view.listener.timeouts.helloMs);
  }

  protected override get facts(): StreamFacts {
    const hello = this.#hello;
    return {
      kind: "tls",
      sni: hello?.serverName,
      alpn: hello?.alpn,
      ech: hello?.ech,
      ja4: this.#ja4,
    };
  }

  /** The protocol that will be spoken is known only when the client offers no other. */
  protected override get proxied(): ProxiedClient {
    const { client, destination } = this.accepted;
    const { serverName, alpn = [] } = this.#hello ?? {};
    const [protocol] = alpn;
    return {
      client,
      destination,
      tlvs: {
        ...(serverName === undefined ? {} : { authority: serverName }),
        ...(protocol === undefined || alpn.length > 1 ? {} : { alpn: protocol }),
      },
    };
  }

  protected override read(chunk: Buffer): void {
    const result = this.#reader.push(chunk);
    if (result.kind === "refused") this.#refuseHello(result);
    else if (result.kind === "hello") this.#route(result.hello);
  }

  protected override closedEarly(bytes: number): Failure {
    return bytes === 0
      ? { kind: "connection-empty", detail: "" }
      : { kind: "hello-truncated", detail: `${bytes} bytes came` };
  }

  protected override mayRepeat(bytes: Buffer): boolean {
    return isHandshakeOnly(bytes);
  }

  /** The alert that the failure table has for it, or nothing. */
  protected override answerTo(failure: Failure): Uint8Array {
    const { alert } = FAILURES[failure.kind];
    return alert === 0 ? NO_ANSWER : encodeAlert(alert);
  }

  protected override closeUnanswered(): void {
    this.accepted.socket.destroy();
  }

  #route(hello: ClientHello): void {
    const { context, view } = this;
    this.#hello = hello;
    if (context.runtime().snapshot.accessLog.ja4) this.#ja4 = this.#fingerprint();
    const source = this.accepted.client.address;
    this.follow(routeTls(context, view.listener, { ...hello, source }));
  }

  #fingerprint(): string | undefined {
    const message = joinHelloRecords(this.earlyBytes);
    return message === undefined ? undefined : computeJa4(message, this.context.sha256Hex);
  }

  #refuseHello({ failure, detail, protocol, alert }: HelloRefused): void {
    const answer = protocol === "http" ? HTTP_ANSWER : encodeAlert(alert);
    const understands = protocol === "http" || protocol === "tls" || protocol === "sslv2";
    this.refuse({ kind: failure, detail }, understands ? answer : NO_ANSWER);
  }
}
