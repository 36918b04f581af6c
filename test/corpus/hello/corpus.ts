/** Reads the captured hellos. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One capture: what was on the wire, and what the client had been told to ask for. */
export interface Capture {
  readonly file: string;
  readonly client: string;
  readonly version: string;
  readonly serverName: string | undefined;
  readonly alpn: readonly string[];
  readonly ech: boolean;
  /** Everything the client sent before it waited: the hello, and behind it early data. */
  readonly bytes: Buffer;
  /** How many of the bytes are the hello's records. */
  readonly helloBytes: number;
  /** The handshake message joined from the records. */
  readonly message: Buffer;
}

type Entry = Omit<Capture, "serverName" | "bytes" | "helloBytes" | "message"> & {
  serverName: string | null;
};

const FOLDER = new URL(".", import.meta.url).pathname;

/** Every capture of the index. */
export function loadCorpus(): readonly Capture[] {
  const entries: Entry[] = JSON.parse(readFileSync(join(FOLDER, "index.json"), "utf8"));
  return entries.map((entry) => {
    const bytes = readHex(entry.file);
    const serverName = entry.serverName ?? undefined;
    return { ...entry, serverName, bytes, ...joinRecords(bytes) };
  });
}

function readHex(file: string): Buffer {
  return Buffer.from(readFileSync(join(FOLDER, file), "utf8").replaceAll("\n", ""), "hex");
}

/** Takes the message out of its records, believing every length: the captures are right. */
function joinRecords(bytes: Buffer): { message: Buffer; helloBytes: number } {
  const fragments: Buffer[] = [];
  let at = 0;
  let missing = Infinity;
  while (missing > 0) {
    const length = bytes.readUInt16BE(at + 3);
    fragments.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
    const message = Buffer.concat(fragments);
    missing = 4 + message.readUIntBE(1, 3) - message.length;
  }
  return { message: Buffer.concat(fragments), helloBytes: at };
}
