/** An accepted connection, and between which addresses it counts as made. */
import type { Socket } from "node:net";
import type { AcceptedSocket } from "./accepted-socket.ts";
import { formatAddress, unmapAddress } from "../core/client-address.ts";
import type { ProxyAddresses, SocketAddress } from "../core/proxy-protocol/header.ts";

/** Made by the listener, or by the reader of a PROXY header, which names other addresses than the socket's own. */
export class Accepted {
  readonly socket: AcceptedSocket;
  /** Who connected: the peer, or whom the PROXY header names. The address is empty when the socket was reset already. */
  readonly client: SocketAddress;
  readonly #said: ProxyAddresses | undefined;

  constructor(socket: AcceptedSocket, said?: ProxyAddresses) {
    this.socket = socket;
    this.#said = said;
    this.client = said?.client ?? peerOf(socket);
  }

  /** Where the client connected to. Effect: may ask the kernel. */
  get destination(): SocketAddress {
    const { socket } = this;
    return (
      this.#said?.destination ?? {
        address: unmapAddress(socket.localAddress ?? ""),
        port: socket.localPort ?? 0,
      }
    );
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

/** The other end of the socket itself; its address is empty when it was reset already. */
export function peerOf(socket: Socket): SocketAddress {
  return { address: unmapAddress(socket.remoteAddress ?? ""), port: socket.remotePort ?? 0 };
}
