import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

/** A folder of the demo's own. */
export interface Workspace {
  /** Writes a file that only this user can read and returns its path. Throws what node:fs throws. */
  write(name: string, text: string): string;
  /** Removes the folder and what is in it. Never throws. */
  remove(): void;
}

/** Makes a folder below the system's temporary one, mode 0700, name not guessable. Throws what node:fs throws. */
export function createWorkspace(): Workspace {
  const directory = mkdtempSync(`${tmpdir()}/gatehouse-demo-`);
  const path = (name: string) => `${directory}/${name}`;
  return {
    write: (name, text) => {
      writeFileSync(path(name), text, { mode: 0o600, flag: "wx" });
      return path(name);
    },
    remove: () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }),
  };
}
