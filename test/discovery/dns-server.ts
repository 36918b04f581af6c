import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** What the server says of one type of one name. */
export type Records =
  | readonly string[]
  | "NXDOMAIN"
  | "SERVFAIL"
  | "REFUSED"
  /** No answer at all. */
  | "silence";

export interface ZoneEntry {
  readonly A?: Records;
  readonly AAAA?: Records;
  /** `"priority weight port target"`. */
  readonly SRV?: Records;
  /** Said to every question of a type that is not here; whatever it says, no address comes with it. */
  readonly CNAME?: string;
  /** Seconds; 60 unless said. A list gives each record its own. */
  readonly ttl?: number | readonly number[];
}

/** A DNS server on loopback, UDP and TCP, that answers from a table which the test changes. */
export interface DnsServer {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** Lower-case names; what is not in it does not exist. */
  readonly zone: Map<string, ZoneEntry>;
  /** `"A name"` for each question received, in order. */
  readonly questions: string[];
  close(): Promise<void>;
}

const TYPES: Readonly<Record<number, "A" | "AAAA" | "SRV">> = { 1: "A", 28: "AAAA", 33: "SRV" };
const TYPE_NUMBERS = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 } as const;
const RCODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
const UDP_BYTES_MAX = 1232;

export async function startDnsServer(): Promise<DnsServer> {
  const zone = new Map<string, ZoneEntry>();
  const questions: string[] = [];
  const reply = (query: Buffer) => answer(query, zone, questions);
  const tcp = createTcpServer(reply);
  await once(tcp.listen(0, "127.0.0.1"), "listening");
  const address = tcp.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const udp = await bindUdp(port, reply);
  return {
    address: `127.0.0.1:${port}`,
    zone,
    questions,
    close: async () => {
      udp.close();
      tcp.close();
      await Promise.all([once(udp, "close"), once(tcp, "close")]);
    },
  };
}

async function bindUdp(port: number, reply: (query: Buffer) => Buffer | undefined) {
  const udp: Socket = createSocket("udp4");
  udp.on("message", (query: Buffer, peer: RemoteInfo) => {
    const message = reply(query);
    if (message === undefined) return;
    udp.send(
      message.length > UDP_BYTES_MAX ? truncated(message) : message,
      peer.port,
      peer.address,
    );
  });
  udp.bind(port, "127.0.0.1");
  await once(udp, "listening");
  return udp;
}

/** RFC 1035 §4.2.2: each message behind its length. */
function createTcpServer(reply: (query: Buffer) => Buffer | undefined): Server {
  return createServer((socket) => {
    let bytes = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
        const end = 2 + bytes.readUInt16BE(0);
        const message = reply(bytes.subarray(2, end));
        bytes = bytes.subarray(end);
        if (message !== undefined) socket.write(Buffer.concat([uint16(message.length), message]));
      }
    });
  });
}

function answer(
  query: Buffer,
  zone: ReadonlyMap<string, ZoneEntry>,
  questions: string[],
): Buffer | undefined {
  const { name, end } = readName(query);
  const type = TYPES[query.readUInt16BE(end)];
  questions.push(`${type ?? "?"} ${name}`);
  const entry = zone.get(name);
  const alias = entry?.CNAME === undefined ? [] : [entry.CNAME];
  const records = entry === undefined ? "NXDOMAIN" : ((type && entry[type]) ?? alias);
  if (records === "silence") return undefined;
  const list = typeof records === "string" ? [] : records;
  const header = Buffer.from(query.subarray(0, 12));
  // Response, recursion desired and available, the code.
  header.writeUInt16BE(0x8180 | RCODES[typeof records === "string" ? records : "NOERROR"], 2);
  header.writeUInt16BE(list.length, 6);
  header.fill(0, 8, 12);
  const question = query.subarray(12, end + 4);
  const ttls = list.map((_, i) => ttlAt(entry, i));
  return Buffer.concat([header, question, ...list.map((each, i) => record(each, ttls[i] ?? 0))]);
}

function ttlAt(entry: ZoneEntry | undefined, index: number): number {
  const ttl = entry?.ttl ?? 60;
  return typeof ttl === "number" ? ttl : (ttl[index] ?? 60);
}

function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), end: at + 1 };
}

function record(text: string, ttl: number): Buffer {
  const { type, data } = recordData(text);
  const head = Buffer.alloc(12);
  // The name is a pointer to the question's.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

/** By what it looks like: numbers and a name, an IPv6 or IPv4 address, another name. */
function recordData(text: string): { readonly type: number; readonly data: Buffer } {
  if (text.includes(" ")) {
    const [priority = "", weight = "", port = "", target = ""] = text.split(" ");
    const numbers = [priority, weight, port].map((each) => uint16(Number(each)));
    return { type: TYPE_NUMBERS.SRV, data: Buffer.concat([...numbers, nameBytes(target)]) };
  }
  if (text.includes(":")) return { type: TYPE_NUMBERS.AAAA, data: ipv6Bytes(text) };
  if (!/^[0-9.]+$/.test(text)) return { type: TYPE_NUMBERS.CNAME, data: nameBytes(text) };
  return { type: TYPE_NUMBERS.A, data: Buffer.from(text.split(".").map(Number)) };
}

function nameBytes(name: string): Buffer {
  const labels = name.split(".").filter((each) => each !== "");
  const parts = labels.map((each) => Buffer.from(`${String.fromCharCode(each.length)}${each}`));
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function ipv6Bytes(address: string): Buffer {
  const [left = "", right] = address.split("::");
  const head = left.split(":").filter((group) => group !== "");
  const tail = (right ?? "").split(":").filter((group) => group !== "");
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  const groups = [...head, ...zeros, ...tail].map((group) => uint16(Number.parseInt(group, 16)));
  return Buffer.concat(groups);
}

/** The head with the TC bit and the question: "ask again over TCP". */
function truncated(message: Buffer): Buffer {
  const { end } = readName(message);
  const short = Buffer.from(message.subarray(0, end + 4));
  short.writeUInt16BE(short.readUInt16BE(2) | 0x0200, 2);
  short.fill(0, 6, 12);
  return short;
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
