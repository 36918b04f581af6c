/** A unix socket leaves its file behind when its process is killed; a new one cannot bind over it. */
import { lstatSync, unlinkSync } from "node:fs";
import { createConnection } from "node:net";

/**
 * Removes the file of a socket that nothing listens on. Rejects with a sentence when the path is something else than a
 * socket, or a socket that answers. Resolves when there is nothing.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new Error(
      `The admin API cannot listen on unix:${path}: a file that is no socket is there`,
    );
  }
  if (await answers(path)) {
    throw new Error(
      `The admin API cannot listen on unix:${path}: something else listens there; stop it or change admin.listen`,
    );
  }
  unlinkSync(path);
}

/** Only a refusal says that nobody is there; whatever else goes wrong is no reason to delete. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      socket.destroy();
      resolve(error.code !== "ECONNREFUSED");
    });
  });
}
