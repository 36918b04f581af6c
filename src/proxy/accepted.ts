/** An accepted connection, and between which addresses it counts as made. */
import { formatAddress } from "../core/client-address.ts";
import type { ProxyAddresses, SocketAddress } from "../core/proxy-protocol/header.ts";
import type { Socket } from "../transport/socket.ts";

/** Made by the listener, or by the reader of a PROXY header, which names other addresses than the socket's own. */
export class Accepted {
  readonly socket: Socket;
  /** Who connected: the peer, or whom the PROXY header names. The address is empty when the socket was reset already. */
  readonly client: SocketAddress;
  readonly #said: ProxyAddresses | undefined;

  constructor(socket: Socket, said?: ProxyAddresses) {
    this.socket = socket;
    this.#said = said;
    this.client = said?.client ?? socket.remote;
  }

  /** Where the client connected to. Effect: may ask the kernel. */
  get destination(): SocketAddress {
    return this.#said?.destination ?? this.socket.local;
  }

  /** The client as `ip:port`, for logs. */
  get clientName(): string | undefined {
    return nameOf(this.client);
  }
}

/** `ip:port` for logs; undefined when the socket was reset before anybody asked. Pure. */
export function nameOf({ address, port }: SocketAddress): string | undefined {
  return address === "" ? undefined : formatAddress(address, port);
}
