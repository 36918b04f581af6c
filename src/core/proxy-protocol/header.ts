/**
 * What a PROXY protocol header says. The sections named in this folder are those of the specification: HAProxy's
 * doc/proxy-protocol.txt, "The PROXY protocol, Versions 1 & 2".
 */

/** One header. */
export interface ProxyHeader {
  /** 1 is the line of text, 2 the binary form. */
  readonly version: 1 | 2;
  /** `local`: the proxy speaks for itself, as its health checks do (§2.2). Version 1 has no such word. */
  readonly command: "proxy" | "local";
  /**
   * Undefined where the addresses of the connection itself count: `local`, and `proxy` for a family that is unknown,
   * unspecified or not TCP over IP (§2.1, §2.2). It does not make the header less valid.
   */
  readonly addresses: ProxyAddresses | undefined;
  readonly tlvs: ProxyTlvs;
}

/** Both ends of the connection that the header stands for. */
export interface ProxyAddresses {
  readonly client: SocketAddress;
  /** Where the client connected to. */
  readonly destination: SocketAddress;
}

/** One end of a TCP connection. */
export interface SocketAddress {
  /** IPv4 in dotted decimal, also when it came v4-mapped; IPv6 in the form of RFC 5952, without brackets or zone. */
  readonly address: string;
  /** 0–65535. */
  readonly port: number;
}

/** What the fields of version 2 said (§2.2.1–2.2.6). Strings have one character a byte: they need not be text. */
export interface ProxyTlvs {
  /** The protocol that is spoken, such as `h2`. */
  readonly alpn?: string;
  /** The server name that the client asked for, as it wrote it. */
  readonly authority?: string;
  /** The sender's name for this connection, at most 128 bytes. */
  readonly uniqueId?: string;
  /** Whether the client spoke TLS to the sender; absent when the sender does not say. */
  readonly ssl?: boolean;
}

/** The twelve bytes that version 2 begins with (§2.2). */
export const SIGNATURE: readonly number[] = [
  0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
];

/** The bytes of version 2 before the addresses: signature, version and command, family, length (§2.2). */
export const FIXED_BYTES = 16;

/** Values of the byte for address family and transport (§2.2). */
export const FAMILY = {
  unspecified: 0x00,
  tcp4: 0x11,
  udp4: 0x12,
  tcp6: 0x21,
  udp6: 0x22,
  unixStream: 0x31,
  unixDatagram: 0x32,
} as const;

/** Types of fields that are read or written (§2.2). */
export const TLV = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  uniqueId: 0x05,
  ssl: 0x20,
} as const;
