/** What stands inside a ClientHello message, once its bytes are joined (RFC 8446 §4.1.2). */
import type { ByteReader } from "../bytes.ts";
import { failed, success, type Result } from "../result.ts";
import { ALERT, type Violation } from "./alert.ts";
import { readServerName } from "./server-name.ts";

/** The fields of a ClientHello that routing and the log read. */
export interface HelloBody {
  /** `ClientHello.legacy_version`, 0x0303 since TLS 1.2. */
  readonly legacyVersion: number;
  /** Lower case, without trailing dot; undefined when there is none or it is an IP address. */
  readonly serverName: string | undefined;
  /** The client's protocols in its order, one character a byte: they need not be text (RFC 7301 §6). */
  readonly alpn: readonly string[];
  /** Has an encrypted_client_hello, real or GREASE; `serverName` is then the outer name (RFC 9849 §5). */
  readonly ech: boolean;
  /** The versions of the supported_versions extension in the client's order, GREASE included. */
  readonly supportedVersions: readonly number[];
}

const RANDOM_BYTES = 32;
const SESSION_ID_BYTES_MAX = 32;
const HOST_NAME = 0;
const NONE: readonly never[] = [];

/** IANA "TLS ExtensionType Values". */
const EXTENSION = { serverName: 0, alpn: 16, supportedVersions: 43, ech: 0xfe0d } as const;

type Fields = { -readonly [K in keyof HelloBody]: HelloBody[K] };

/**
 * Parses the message behind its four-byte header; the reader must end where the message ends. Pure but for the
 * reader's cursor; keeps no reference to its bytes. Every length must agree exactly: what does not conform to the
 * syntax is a decode_error, what conforms and is forbidden an illegal_parameter (RFC 8446 §6.2).
 */
export function parseHelloBody(message: ByteReader): Result<HelloBody, Violation> {
  const legacyVersion = message.readU16();
  if (legacyVersion === undefined) return failed(decodeError("the hello ends inside its version"));
  const fields: Fields = {
    legacyVersion,
    serverName: undefined,
    alpn: NONE,
    ech: false,
    supportedVersions: NONE,
  };
  const problem = checkFixedFields(message) ?? parseExtensions(message, fields);
  return problem === undefined ? success(fields) : failed(problem);
}

/** The fields up to the extensions, of which only the form matters here. */
function checkFixedFields(message: ByteReader): Violation | undefined {
  if (message.readSlice(RANDOM_BYTES) === undefined) {
    return decodeError("the hello ends inside its random");
  }
  // RFC 8446 §4.1.2: opaque legacy_session_id<0..32>.
  const sessionId = message.readVector8();
  if (sessionId === undefined) return decodeError("the hello ends inside its session id");
  if (sessionId.remaining > SESSION_ID_BYTES_MAX) {
    return decodeError("the session id is longer than 32 bytes");
  }
  // RFC 8446 §4.1.2: CipherSuite cipher_suites<2..2^16-2>, two bytes each.
  const cipherSuites = message.readVector16();
  if (cipherSuites === undefined) return decodeError("the hello ends inside its cipher suites");
  if (cipherSuites.remaining === 0) return decodeError("there is no cipher suite");
  if (cipherSuites.remaining % 2 !== 0) {
    return decodeError("the cipher suites have an odd length");
  }
  // RFC 8446 §4.1.2: opaque legacy_compression_methods<1..2^8-1>.
  const compression = message.readVector8();
  if (compression === undefined)
    return decodeError("the hello ends inside its compression methods");
  if (compression.remaining === 0) return decodeError("there is no compression method");
  return undefined;
}

function parseExtensions(message: ByteReader, fields: Fields): Violation | undefined {
  // RFC 5246 §7.4.1.2: a hello may end before the extensions; if not, they must fill it exactly.
  if (message.remaining === 0) return undefined;
  const extensions = message.readVector16();
  if (extensions === undefined) return decodeError("the extensions are longer than the hello");
  if (message.remaining !== 0) return decodeError("there are bytes behind the extensions");
  const seen = new Set<number>();
  while (extensions.remaining > 0) {
    const type = extensions.readU16();
    const data = type === undefined ? undefined : extensions.readVector16();
    if (type === undefined || data === undefined) {
      return decodeError("an extension is longer than the extensions");
    }
    // RFC 8446 §4.2: no two extensions of the same type.
    if (seen.has(type)) return illegalParameter(`the extension ${type} appears twice`);
    seen.add(type);
    const problem = parseExtension(type, data, fields);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function parseExtension(type: number, data: ByteReader, fields: Fields): Violation | undefined {
  switch (type) {
    case EXTENSION.serverName:
      return parseServerNames(data, fields);
    case EXTENSION.alpn:
      return parseAlpn(data, fields);
    case EXTENSION.supportedVersions:
      return parseSupportedVersions(data, fields);
    case EXTENSION.ech:
      // GREASE looks like the real one (RFC 9849 §6.2), so its contents are never a reason to refuse.
      fields.ech = true;
      return undefined;
    default:
      return undefined;
  }
}

/** RFC 6066 §3: a list with one entry for each name type, of which host_name is the only one that exists. */
function parseServerNames(data: ByteReader, fields: Fields): Violation | undefined {
  const list = data.readVector16();
  if (list === undefined || data.remaining !== 0) {
    return decodeError("the length of the server name list does not agree with its extension");
  }
  if (list.remaining === 0) return decodeError("the server name list is empty");
  const type = list.readU8();
  const name = list.readVector16();
  if (name === undefined) return decodeError("a server name is longer than its list");
  if (type !== HOST_NAME) return illegalParameter("the server name is of an unknown type");
  if (name.remaining === 0) return decodeError("the server name is empty");
  if (list.remaining !== 0) return parseSecondName(list);
  const parsed = readServerName(name);
  if (!parsed.ok) return illegalParameter(parsed.error);
  fields.serverName = parsed.value;
  return undefined;
}

/** Entries of every type begin with a 16-bit length (RFC 6066 §3): says whether one follows or just bytes. */
function parseSecondName(list: ByteReader): Violation {
  list.readU8();
  return list.readVector16() === undefined
    ? decodeError("there are bytes behind the server name")
    : illegalParameter("there are two server names");
}

/** RFC 7301 §3.1: ProtocolName protocol_name_list<2..2^16-1>, each opaque<1..2^8-1>. */
function parseAlpn(data: ByteReader, fields: Fields): Violation | undefined {
  const list = data.readVector16();
  if (list === undefined || data.remaining !== 0) {
    return decodeError("the length of the ALPN list does not agree with its extension");
  }
  if (list.remaining === 0) return decodeError("the ALPN list is empty");
  const protocols: string[] = [];
  while (list.remaining > 0) {
    const protocol = list.readVector8();
    if (protocol === undefined) return decodeError("an ALPN protocol is longer than its list");
    if (protocol.remaining === 0) return decodeError("an ALPN protocol is empty");
    protocols.push(protocol.readLatin1());
  }
  fields.alpn = protocols;
  return undefined;
}

/** RFC 8446 §4.2.1: ProtocolVersion versions<2..254>, two bytes each. */
function parseSupportedVersions(data: ByteReader, fields: Fields): Violation | undefined {
  const list = data.readVector8();
  if (list === undefined || data.remaining !== 0) {
    return decodeError("the length of the supported versions does not agree with its extension");
  }
  if (list.remaining === 0 || list.remaining % 2 !== 0) {
    return decodeError("the supported versions are empty or of an odd length");
  }
  const versions: number[] = [];
  for (let version = list.readU16(); version !== undefined; version = list.readU16()) {
    versions.push(version);
  }
  fields.supportedVersions = versions;
  return undefined;
}

function decodeError(detail: string): Violation {
  return { alert: ALERT.decodeError, detail };
}

function illegalParameter(detail: string): Violation {
  return { alert: ALERT.illegalParameter, detail };
}
