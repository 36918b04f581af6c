/** Closing a socket so that its peer sees a reset. */
import type { Socket } from "node:net";

/**
 * Closes with a reset (RST) and drops what was not sent. While the FIN that `end` asked for is on its way to the kernel,
 * libuv refuses a reset and Node would then lose the descriptor: in that moment the socket is closed plainly. So is what
 * has no reset, such as a Unix socket: its peer sees the end, or an error while it writes.
 */
export function resetSocket(socket: Socket): void {
  const endIsOnItsWay =
    socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (endIsOnItsWay) {
    socket.destroy();
    return;
  }
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}
