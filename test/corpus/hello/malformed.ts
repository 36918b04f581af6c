/** Hellos that are refused, each with its verdict, and what is no TLS at all. */
import type { HelloRefused } from "../../../src/core/tls/client-hello.ts";
import {
  alpn,
  GROUPS,
  hello,
  helloMessage,
  helloWith,
  padding,
  record,
  records,
  serverNames,
  uint,
  vector,
  type Extension,
} from "../../core/tls/hello-builder.ts";

/** One input and the verdict that the shortest sufficient prefix of it gets, however it is cut. */
export interface Malformed {
  readonly name: string;
  readonly bytes: Buffer;
  readonly failure: HelloRefused["failure"];
  readonly alert: number;
  readonly protocol: HelloRefused["protocol"];
}

/** The bound that the verdicts are for. */
export const BYTES_MAX = 64 * 1024;

const UNEXPECTED_MESSAGE = 10;
const RECORD_OVERFLOW = 22;
const ILLEGAL_PARAMETER = 47;
const DECODE_ERROR = 50;
const PROTOCOL_VERSION = 70;

const EMPTY = Buffer.alloc(0);
const MESSAGE = helloMessage({ extensions: [...GROUPS, serverNames("nginx.com")] });
/** What a message without extensions takes. */
const EMPTY_BLOCK = helloMessage({ extensions: [] }).length;
const HEAD = MESSAGE.subarray(0, 20);
const REST = MESSAGE.subarray(20);

/** Rules of the syntax (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2): decode_error. */
const SYNTAX: Readonly<Record<string, Buffer>> = {
  "empty message": record(Buffer.from("01000000", "hex")),
  "message of one byte": record(Buffer.from("0100000103", "hex")),
  "message that ends inside the random": record(Buffer.from("010000040303aaaa", "hex")),
  "message that ends before the session id": record(cutTo(2 + 32)),
  "message that ends before the cipher suites": record(cutTo(2 + 32 + 1)),
  "message that ends before the compression methods": record(cutTo(2 + 32 + 1 + 6)),
  "message that ends inside the extensions": record(cutTo(MESSAGE.length - 5)),
  "message length too large by one, the record too": record(
    Buffer.concat([uint(1, 1), uint(3, MESSAGE.length - 3), MESSAGE.subarray(4), Buffer.alloc(1)]),
  ),
  "session id of 33 bytes": hello({ sessionId: Buffer.alloc(33) }),
  "no cipher suites": hello({ cipherSuites: EMPTY }),
  "cipher suites of odd length": hello({ cipherSuites: Buffer.from("c02bc0", "hex") }),
  "no compression methods": hello({ compressionMethods: EMPTY }),
  "one byte behind the extensions": hello({ tail: Buffer.alloc(1) }),
  "one byte in place of the extensions": hello({ extensions: null, tail: Buffer.alloc(1) }),
  "a second block of extensions": hello({ tail: vector(2, EMPTY) }),
  "extensions longer than the message": hello({ extensions: null, tail: uint(2, 1) }),
  "extension longer than the extensions": hello({
    extensions: null,
    tail: vector(2, Buffer.from("0000000a0000", "hex")),
  }),
  "extensions that end inside a type": hello({ extensions: null, tail: vector(2, uint(1, 0)) }),
  "extensions that end inside a length": hello({ extensions: null, tail: vector(2, uint(3, 0)) }),
  "server_name without contents": helloWith({ type: 0, data: EMPTY }),
  "server_name with half a length": helloWith({ type: 0, data: uint(1, 0) }),
  "empty list of server names": helloWith({ type: 0, data: vector(2, EMPTY) }),
  "list of server names shorter than its extension": helloWith(tailed(serverNames("nginx.com"))),
  "list of server names longer than its extension": helloWith({
    type: 0,
    data: vector(2, entry("nginx.com"), 13),
  }),
  "list of server names that ends inside its first entry": helloWith({
    type: 0,
    data: vector(2, Buffer.from("0000", "hex")),
  }),
  "server name longer than its list": helloWith({
    type: 0,
    data: vector(2, Buffer.concat([uint(1, 0), vector(2, Buffer.from("nginx.com"), 10)])),
  }),
  "one byte behind the server name": helloWith({
    type: 0,
    data: vector(2, Buffer.concat([entry("nginx.com"), Buffer.alloc(1)])),
  }),
  "empty server name": helloWith(serverNames("")),
  "ALPN without contents": helloWith({ type: 16, data: EMPTY }),
  "empty ALPN list": helloWith(alpn()),
  "empty ALPN protocol": helloWith(alpn("")),
  "empty ALPN protocol behind a good one": helloWith(alpn("h2", "")),
  "ALPN protocol longer than its list": helloWith({
    type: 16,
    data: vector(2, vector(1, Buffer.from("h2"), 3)),
  }),
  "ALPN list shorter than its extension": helloWith(tailed(alpn("h2"))),
  "ALPN list longer than its extension": helloWith({
    type: 16,
    data: vector(2, vector(1, Buffer.from("h2")), 4),
  }),
  "empty supported_versions": helloWith({ type: 43, data: vector(1, EMPTY) }),
  "supported_versions without contents": helloWith({ type: 43, data: EMPTY }),
  "supported_versions of odd length": helloWith({ type: 43, data: vector(1, Buffer.alloc(3)) }),
  "supported_versions shorter than its extension": helloWith(
    tailed({ type: 43, data: vector(1, uint(2, 0x0304)) }),
  ),
  "empty record first": Buffer.concat([record(EMPTY), record(MESSAGE)]),
  "empty record inside the hello": Buffer.concat([record(HEAD), record(EMPTY), record(REST)]),
};

/** What the syntax allows and a rule forbids (RFC 8446 §6.2): illegal_parameter. */
const SEMANTICS: Readonly<Record<string, Buffer>> = {
  "server_name twice": helloWith(serverNames("nginx.com"), serverNames("nginx.com")),
  "unknown extension twice": helloWith(grease(), grease()),
  "two different server names": helloWith(serverNames("nginx.com", "example.com")),
  "the same server name twice in the list": helloWith(serverNames("nginx.com", "nginx.com")),
  "server name of an unknown type": helloWith({
    type: 0,
    data: vector(2, Buffer.concat([uint(1, 1), vector(2, Buffer.from("nginx.com"))])),
  }),
  "record of major version 2 inside the hello": Buffer.concat([
    record(HEAD),
    record(REST, { version: 0x0201 }),
  ]),
  "server name with a NUL inside": helloWith(serverNames("nginx.com\0.example.com")),
  "server name that ends in a NUL": helloWith(serverNames("nginx.com\0")),
  "server name with a space": helloWith(serverNames("nginx .com")),
  "server name with a line end": helloWith(serverNames("nginx.com\r\n")),
  "server name with a port": helloWith(serverNames("nginx.com:443")),
  "server name that is a wildcard": helloWith(serverNames("*.nginx.com")),
  "server name with a slash": helloWith(serverNames("nginx.com/")),
  "server name with letters that are not ASCII": helloWith(serverNames("nginx.cöm")),
  "server name with the byte 0xff": helloWith(serverNames(Buffer.from("ff6e", "hex"))),
  "server name in brackets": helloWith(serverNames("[::1]")),
  "server name that is nearly an IPv6 address": helloWith(serverNames("1::2::3")),
  "server name of one dot": helloWith(serverNames(".")),
  "server name with a leading dot": helloWith(serverNames(".nginx.com")),
  "server name with two dots": helloWith(serverNames("nginx..com")),
  "server name with two trailing dots": helloWith(serverNames("nginx.com..")),
  "server name with a label of 64 bytes": helloWith(serverNames(`${"a".repeat(64)}.com`)),
  "server name of 254 bytes": helloWith(serverNames(`${"a.".repeat(126)}aa`)),
  "server name of 254 bytes and a dot": helloWith(serverNames(`${"a.".repeat(126)}aa.`)),
  "server name of 60000 bytes": records(
    helloMessage({ extensions: [serverNames("a".repeat(60_000))] }),
    2 ** 14,
  ),
};

/** What comes in a wrong place (RFC 8446 §4, §5, §5.1): unexpected_message. */
const ORDER: Readonly<Record<string, Buffer>> = {
  ServerHello: record(Buffer.concat([uint(1, 2), MESSAGE.subarray(1)])),
  HelloRequest: record(Buffer.from("00000000", "hex")),
  "alert inside the hello": Buffer.concat([
    record(HEAD),
    record(Buffer.from("0100", "hex"), { type: 21 }),
    record(REST),
  ]),
  "change_cipher_spec inside the hello": Buffer.concat([
    record(HEAD),
    record(uint(1, 1), { type: 20 }),
    record(REST),
  ]),
  "application data inside the hello": Buffer.concat([record(HEAD), record(REST, { type: 23 })]),
  "another message behind the hello in its record": record(Buffer.concat([MESSAGE, MESSAGE])),
  "one byte behind the hello in its record": record(Buffer.concat([MESSAGE, Buffer.alloc(1)])),
  "one byte behind the hello in its last record": Buffer.concat([
    record(HEAD),
    record(Buffer.concat([REST, Buffer.alloc(1)])),
  ]),
  "message length too small by one": record(
    helloMessage({ extensions: [...GROUPS, serverNames("nginx.com")] }, MESSAGE.length - 5),
  ),
};

const OVERFLOW: Readonly<Record<string, Buffer>> = {
  "record of 2^14 + 1 bytes": record(MESSAGE, { length: 2 ** 14 + 1 }),
  "whole hello in one record of 2^14 + 1 bytes": record(
    helloMessage({ extensions: [padding(2 ** 14 + 1 - EMPTY_BLOCK)] }),
  ),
  "record of 65535 bytes": record(MESSAGE, { length: 0xffff }),
  "second record of 2^14 + 1 bytes": Buffer.concat([
    record(HEAD),
    record(REST, { length: 2 ** 14 + 1 }),
  ]),
};

const TOO_LARGE: Readonly<Record<string, Buffer>> = {
  "message of 2^24 - 1 bytes": record(helloMessage({}, 2 ** 24 - 1)),
  "message that fits the bound only without record headers": record(
    helloMessage({}, BYTES_MAX - 4 - 4),
  ),
  "message that would fit but for its many records": records(
    helloMessage({ extensions: [serverNames("a".repeat(20_000))] }),
    1,
  ),
};

const FOREIGN: readonly (readonly [string, HelloRefused["protocol"], string | Buffer])[] = [
  ["HTTP GET", "http", "GET / HTTP/1.1\r\nHost: nginx.com\r\n\r\n"],
  ["HTTP HEAD", "http", "HEAD / HTTP/1.0\r\n\r\n"],
  ["HTTP POST", "http", "POST / HTTP/1.1\r\n"],
  ["HTTP PUT", "http", "PUT /x HTTP/1.1\r\n"],
  ["HTTP DELETE", "http", "DELETE /x HTTP/1.1\r\n"],
  ["HTTP CONNECT", "http", "CONNECT nginx.com:443 HTTP/1.1\r\n"],
  ["HTTP OPTIONS", "http", "OPTIONS * HTTP/1.1\r\n"],
  ["HTTP TRACE", "http", "TRACE / HTTP/1.1\r\n"],
  ["HTTP PATCH", "http", "PATCH /x HTTP/1.1\r\n"],
  ["HTTP/2 preface", "http", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["SSH banner", "ssh", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"],
  ["PROXY protocol v1", "unknown", "PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n"],
  ["PROXY protocol v2", "unknown", Buffer.from("0d0a0d0a000d0a515549540a20000000", "hex")],
  ["SMTP", "unknown", "EHLO nginx.com\r\n"],
  ["a method in small letters", "unknown", "get / HTTP/1.1\r\n"],
  ["a beginning of a method that goes on otherwise", "unknown", "GETTING"],
  ["an alert record", "unknown", record(Buffer.from("0228", "hex"), { type: 21 })],
  ["a change_cipher_spec record", "unknown", record(uint(1, 1), { type: 20 })],
  ["an application data record", "unknown", record(MESSAGE, { type: 23 })],
  ["a handshake record of major version 2", "unknown", record(MESSAGE, { version: 0x0200 })],
  ["a handshake record of DTLS", "unknown", record(MESSAGE, { version: 0xfefd })],
  ["zeroes", "unknown", Buffer.alloc(100)],
  ["the byte 0xff", "unknown", Buffer.alloc(100, 0xff)],
  ["SSLv2 length without a hello", "unknown", Buffer.from("802e020002", "hex")],
  ["SSLv2 hello for version 1.0", "unknown", Buffer.from("802e010100", "hex")],
];

const SSLV2: Readonly<Record<string, Buffer>> = {
  "SSLv2 hello for SSL 2.0": Buffer.from("802e0100020015000000100100800200800300800400", "hex"),
  "SSLv2 hello for TLS 1.0": Buffer.from("802e0103010015000000100100800200800300800400", "hex"),
};

/** Every one of them. */
export const MALFORMED: readonly Malformed[] = [
  ...verdicts(SYNTAX, { failure: "hello-malformed", alert: DECODE_ERROR, protocol: "tls" }),
  ...verdicts(SEMANTICS, { failure: "hello-malformed", alert: ILLEGAL_PARAMETER, protocol: "tls" }),
  ...verdicts(ORDER, { failure: "hello-malformed", alert: UNEXPECTED_MESSAGE, protocol: "tls" }),
  ...verdicts(OVERFLOW, { failure: "hello-malformed", alert: RECORD_OVERFLOW, protocol: "tls" }),
  ...verdicts(TOO_LARGE, { failure: "hello-too-large", alert: DECODE_ERROR, protocol: "tls" }),
  ...verdicts(SSLV2, { failure: "not-tls", alert: PROTOCOL_VERSION, protocol: "sslv2" }),
  ...FOREIGN.map(([name, protocol, bytes]): Malformed => ({
    name,
    bytes: Buffer.from(bytes as string, "latin1"),
    failure: "not-tls",
    alert: UNEXPECTED_MESSAGE,
    protocol,
  })),
];

function verdicts(
  inputs: Readonly<Record<string, Buffer>>,
  verdict: Omit<Malformed, "name" | "bytes">,
): Malformed[] {
  return Object.entries(inputs).map(([name, bytes]) => ({ name, bytes, ...verdict }));
}

/** The good message cut to so many bytes of body, its header saying so. */
function cutTo(bodyBytes: number): Buffer {
  return Buffer.concat([uint(1, 1), uint(3, bodyBytes), MESSAGE.subarray(4, 4 + bodyBytes)]);
}

function entry(name: string): Buffer {
  return Buffer.concat([uint(1, 0), vector(2, Buffer.from(name))]);
}

/** One more byte behind what the extension's own length covers. */
function tailed({ type, data }: Extension): Extension {
  return { type, data: Buffer.concat([data, Buffer.alloc(1)]) };
}

function grease(): Extension {
  return { type: 0x2a2a, data: EMPTY };
}
