/**
 * The file by which the command line finds the running box: `admin.json` in its runtime directory. It is a hint, not a
 * secret: readable by all. It is believed only if its process is alive and nobody else can have written it: it lies in
 * the system's directory, which only root can make (the unit runs as a user of its own), or root or the reader owns it.
 */
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** What the file says. */
export interface RuntimeInfo {
  readonly pid: number;
  /** As `--admin` takes it: `127.0.0.1:9901`, `unix:/path`. */
  readonly admin: string;
  readonly configPath: string;
  /** RFC 3339. */
  readonly startedAt: string;
}

/** The part of the process that decides where the file is; `uid` undefined = unknown. */
export interface RuntimePlace {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly uid: number | undefined;
  /** Instead of /run/gatehouse, where a real box may be found. */
  readonly systemDirectory?: string;
}

const FILE = "admin.json";
/** systemd's RuntimeDirectory= of the unit, and where root's box is found by everybody. */
const SYSTEM_DIRECTORY = "/run/gatehouse";

/**
 * Writes the file, atomically, and makes its directory; the path, or undefined when there is no place for it or it
 * cannot be written: the box runs all the same, `show` then needs `--admin`.
 */
export function writeRuntimeFile(
  info: RuntimeInfo,
  place: RuntimePlace = currentPlace(),
): string | undefined {
  const directory = directoryToWrite(place);
  if (directory === undefined) return undefined;
  const path = join(directory, FILE);
  const temporary = `${path}.${info.pid}`;
  try {
    // The umask of a service takes rights away that other users' `show` needs: hence chmod.
    if (mkdirSync(directory, { recursive: true }) !== undefined) chmodSync(directory, 0o755);
    writeFileSync(temporary, `${JSON.stringify(info)}\n`);
    chmodSync(temporary, 0o644);
    renameSync(temporary, path);
    return path;
  } catch {
    remove(temporary);
    return undefined;
  }
}

/** Removes the file if it is still this process's: another box may have written its own since. Never throws. */
export function removeRuntimeFile(path: string, pid: number): void {
  if (readTrusted(path, undefined)?.pid === pid) remove(path);
}

/** What a running box wrote, and where it was found; undefined when there is none to believe. Never throws. */
export function readRuntimeFile(
  place: RuntimePlace = currentPlace(),
): { readonly path: string; readonly info: RuntimeInfo } | undefined {
  for (const directory of directoriesToRead(place)) {
    const path = join(directory, FILE);
    const info = readTrusted(path, directory === SYSTEM_DIRECTORY ? undefined : [0, place.uid]);
    if (info !== undefined && isAlive(info.pid)) return { path, info };
  }
  return undefined;
}

function currentPlace(): RuntimePlace {
  return { environment: process.env, uid: process.getuid?.() };
}

function directoryToWrite({ environment, uid }: RuntimePlace): string | undefined {
  // systemd may give several, with colons between them.
  const given = environment["RUNTIME_DIRECTORY"]?.split(":")[0] ?? "";
  if (given !== "") return given;
  return uid === 0 ? SYSTEM_DIRECTORY : userDirectory(environment);
}

/** A service's directory first: whoever calls `show` from a shell usually means the box that the system runs. */
function directoriesToRead({
  environment,
  systemDirectory = SYSTEM_DIRECTORY,
}: RuntimePlace): string[] {
  const given = environment["RUNTIME_DIRECTORY"]?.split(":")[0];
  return [given, systemDirectory, userDirectory(environment)].filter(
    (directory) => directory !== undefined && directory !== "",
  ) as string[];
}

function userDirectory(environment: RuntimePlace["environment"]): string | undefined {
  const base = environment["XDG_RUNTIME_DIR"] ?? "";
  return base === "" ? undefined : join(base, "gatehouse");
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It is gone already, or not ours to remove.
  }
}

/** `owners` undefined = whoever it is. */
function readTrusted(
  path: string,
  owners: readonly (number | undefined)[] | undefined,
): RuntimeInfo | undefined {
  try {
    if (owners?.includes(statSync(path).uid) === false) return undefined;
    return parseInfo(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function parseInfo(text: string): RuntimeInfo | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) return undefined;
  const { pid, admin, configPath, startedAt } = value as Partial<RuntimeInfo>;
  if (!Number.isSafeInteger(pid) || typeof admin !== "string") return undefined;
  return {
    pid: pid ?? 0,
    admin,
    configPath: String(configPath),
    startedAt: String(startedAt),
  };
}

/** EPERM: it is alive and somebody else's. */
function isAlive(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
