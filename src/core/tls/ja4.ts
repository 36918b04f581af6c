/**
 * JA4, the fingerprint of a TLS client: the same for every connection of one program, whatever name it asks for. The
 * open specification is FoxIO's technical_details/JA4.md, under the BSD 3-clause licence (its relatives are not).
 */
import { ByteReader } from "../bytes.ts";

const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
const MESSAGE_TYPE_CLIENT_HELLO = 1;
const RANDOM_BYTES = 32;
/** Counts have two digits. */
const COUNT_MAX = 99;
const HASH_CHARACTERS = 12;
const EMPTY_HASH = "0".repeat(HASH_CHARACTERS);
const NO_ALPN = "00";
const UNKNOWN_VERSION = "00";
const LETTERS_OR_DIGITS = /^[0-9A-Za-z]+$/;

/** IANA "TLS ExtensionType Values". */
const EXTENSION = {
  serverName: 0x0000,
  signatureAlgorithms: 0x000d,
  alpn: 0x0010,
  supportedVersions: 0x002b,
} as const;

/** "TLS and DTLS Version"; anything else is `00`. */
const VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x0304, "13"],
  [0x0303, "12"],
  [0x0302, "11"],
  [0x0301, "10"],
  [0x0300, "s3"],
  [0x0002, "s2"],
  [0xfeff, "d1"],
  [0xfefd, "d2"],
  [0xfefc, "d3"],
]);

/** What the fingerprint is made of, GREASE left out. */
interface Ingredients {
  readonly version: number;
  readonly ciphers: readonly number[];
  readonly extensions: ReadonlyMap<number, ByteReader>;
}

/**
 * The fingerprint of a ClientHello on a TCP connection. `helloMessage` is the handshake message with its four-byte
 * header, as `joinHelloRecords` gives it; `sha256Hex` hashes ASCII text and answers in lower-case hexadecimal. Pure if
 * `sha256Hex` is. Undefined for what is no ClientHello, or has a list with lengths that do not agree.
 */
export function computeJa4(
  helloMessage: Uint8Array,
  sha256Hex: (text: string) => string,
): string | undefined {
  const ingredients = readIngredients(helloMessage);
  if (ingredients === undefined) return undefined;
  const { extensions, ciphers } = ingredients;
  const version = readVersion(ingredients);
  const alpn = readAlpn(extensions.get(EXTENSION.alpn));
  const algorithms = readAlgorithms(extensions.get(EXTENSION.signatureAlgorithms));
  if (version === undefined || alpn === undefined || algorithms === undefined) return undefined;
  const name = extensions.has(EXTENSION.serverName) ? "d" : "i";
  const facts = `t${version}${name}${count(ciphers.length)}${count(extensions.size)}${alpn}`;
  const listed = [...extensions.keys()].filter(
    (type) => type !== EXTENSION.serverName && type !== EXTENSION.alpn,
  );
  const hash = (text: string): string => sha256Hex(text).slice(0, HASH_CHARACTERS);
  const cipherHash = ciphers.length === 0 ? EMPTY_HASH : hash(sortedList(ciphers));
  const signed = algorithms.length === 0 ? "" : `_${list(algorithms)}`;
  const extensionHash = listed.length === 0 ? EMPTY_HASH : hash(sortedList(listed) + signed);
  return `${facts}_${cipherHash}_${extensionHash}`;
}

/**
 * The handshake message of a hello that has been accepted, out of the records it came in; `bytes` begins with the first
 * of them and may go on behind the last. Pure; a hello in one record is not copied, and the result then is a view of
 * `bytes`. Undefined when the bytes end before the message does.
 */
export function joinHelloRecords(bytes: Uint8Array): Uint8Array | undefined {
  const whole = readFragment(bytes, 0);
  if (whole !== undefined && messageBytes(whole) === whole.length) return whole;
  const joined = new Uint8Array(bytes.length);
  let length = 0;
  let at = 0;
  for (;;) {
    const fragment = readFragment(bytes, at);
    if (fragment === undefined) return undefined;
    joined.set(fragment, length);
    length += fragment.length;
    at += RECORD_HEADER_BYTES + fragment.length;
    const needed = messageBytes(joined.subarray(0, length));
    if (needed !== undefined && length >= needed) return joined.subarray(0, needed);
  }
}

/** The contents of the record that begins at `start`. */
function readFragment(bytes: Uint8Array, start: number): Uint8Array | undefined {
  const length = new ByteReader(bytes, start + 3).readU16();
  if (length === undefined) return undefined;
  const from = start + RECORD_HEADER_BYTES;
  return from + length > bytes.length ? undefined : bytes.subarray(from, from + length);
}

/** What a message takes with its header; undefined while that is not whole. */
function messageBytes(message: Uint8Array): number | undefined {
  const length = new ByteReader(message, 1).readU24();
  return length === undefined ? undefined : MESSAGE_HEADER_BYTES + length;
}

function readIngredients(helloMessage: Uint8Array): Ingredients | undefined {
  const message = new ByteReader(helloMessage);
  if (message.readU8() !== MESSAGE_TYPE_CLIENT_HELLO) return undefined;
  if (message.readU24() !== message.remaining) return undefined;
  const version = message.readU16();
  if (message.readSlice(RANDOM_BYTES) === undefined) return undefined;
  if (message.readVector8() === undefined) return undefined;
  const ciphers = readNumbers(message.readVector16());
  if (message.readVector8() === undefined) return undefined;
  const extensions = readExtensions(message);
  if (version === undefined || ciphers === undefined || extensions === undefined) return undefined;
  return { version, ciphers, extensions };
}

/** By type, in the client's order. A hello may end before them (RFC 5246 §7.4.1.2). */
function readExtensions(message: ByteReader): Map<number, ByteReader> | undefined {
  const extensions = new Map<number, ByteReader>();
  if (message.remaining === 0) return extensions;
  const block = message.readVector16();
  if (block === undefined) return undefined;
  while (block.remaining > 0) {
    const type = block.readU16();
    const data = block.readVector16();
    if (type === undefined || data === undefined || extensions.has(type)) return undefined;
    if (!isGrease(type)) extensions.set(type, data);
  }
  return extensions;
}

/** The 16-bit numbers of a list without GREASE; undefined for no list and an odd length. */
function readNumbers(list: ByteReader | undefined): readonly number[] | undefined {
  if (list === undefined || list.remaining % 2 !== 0) return undefined;
  const numbers: number[] = [];
  for (let value = list.readU16(); value !== undefined; value = list.readU16()) {
    if (!isGrease(value)) numbers.push(value);
  }
  return numbers;
}

/** RFC 8701 §2: 0x0A0A, 0x1A1A and so on up to 0xFAFA. */
function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

/** The highest of supported_versions if the client sends it, the hello's own version if not. */
function readVersion({ version, extensions }: Ingredients): string | undefined {
  const data = extensions.get(EXTENSION.supportedVersions);
  const versions = data === undefined ? [version] : readNumbers(data.readVector8());
  if (versions === undefined) return undefined;
  return VERSIONS.get(Math.max(...versions)) ?? UNKNOWN_VERSION;
}

/** The client's order is kept, since it is part of the program and not of chance. */
function readAlgorithms(data: ByteReader | undefined): readonly number[] | undefined {
  return data === undefined ? [] : readNumbers(data.readVector16());
}

/** First and last character of the first protocol; of its hexadecimal form when either is no letter or digit. */
function readAlpn(data: ByteReader | undefined): string | undefined {
  if (data === undefined) return NO_ALPN;
  const list = data.readVector16();
  if (list === undefined) return undefined;
  if (list.remaining === 0) return NO_ALPN;
  const protocol = list.readVector8()?.readLatin1();
  if (protocol === undefined) return undefined;
  if (protocol === "") return NO_ALPN;
  const ends = protocol.charAt(0) + protocol.charAt(protocol.length - 1);
  if (LETTERS_OR_DIGITS.test(ends)) return ends;
  return hex(ends.charCodeAt(0), 2).charAt(0) + hex(ends.charCodeAt(1), 2).charAt(1);
}

function count(items: number): string {
  return String(Math.min(items, COUNT_MAX)).padStart(2, "0");
}

function sortedList(numbers: readonly number[]): string {
  return list(numbers.toSorted((a, b) => a - b));
}

function list(numbers: readonly number[]): string {
  return numbers.map((value) => hex(value, 4)).join(",");
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
