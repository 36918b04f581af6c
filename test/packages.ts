import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** A program that tests run, and the Debian package that has it. */
export interface TestCommand {
  readonly command: string;
  readonly debianPackage: string;
}

/** Every program besides node, npm and what no Debian system lacks that a test starts. */
export const TEST_COMMANDS: readonly TestCommand[] = [
  { command: "aiosmtpd", debianPackage: "python3-aiosmtpd" },
  { command: "chromium", debianPackage: "chromium" },
  { command: "curl", debianPackage: "curl" },
  { command: "debootstrap", debianPackage: "debootstrap" },
  { command: "dnsmasq", debianPackage: "dnsmasq-base" },
  { command: "haproxy", debianPackage: "haproxy" },
  { command: "nginx", debianPackage: "nginx" },
  { command: "openssl", debianPackage: "openssl" },
  { command: "python3", debianPackage: "python3-minimal" },
  { command: "socat", debianPackage: "socat" },
  { command: "strace", debianPackage: "strace" },
  { command: "systemd-analyze", debianPackage: "systemd" },
];

/** Where Debian puts daemons; a user's PATH often lacks it. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The path of a program, from PATH or a folder of daemons; undefined when there is none. Reads the file system. */
export function findCommand(command: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...SYSTEM_FOLDERS];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, command))
    .find(isExecutable);
}

/** Whether a program is there to be run: `test(name, { skip: !hasCommand("nginx") && "needs nginx" }, …)`. */
export function hasCommand(command: string): boolean {
  return findCommand(command) !== undefined;
}

/** The programs of the list that this machine lacks. Reads the file system. */
export function missingCommands(): readonly TestCommand[] {
  return TEST_COMMANDS.filter(({ command }) => !hasCommand(command));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
