import { closeSync, openSync, readSync } from "node:fs";

/** What executables are built for, in Node's words. */
export const ARCHITECTURES = ["x64", "arm64"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** `e_machine` of the ELF header: EM_X86_64 and EM_AARCH64 (System V gABI, "Machine Information"). */
const MACHINES: Readonly<Record<Architecture, number>> = { x64: 62, arm64: 183 };

const MAGIC = 0x7f454c46;
const CLASS_OFFSET = 4;
const CLASS_64 = 2;
const DATA_OFFSET = 5;
const DATA_LITTLE_ENDIAN = 1;
const MACHINE_OFFSET = 18;
const HEADER_BYTES = 20;

/** The architecture in a file's first 20 bytes; undefined when they are no 64-bit ELF header that we know. Pure. */
export function parseElfArchitecture(header: Buffer): Architecture | undefined {
  if (header.length < HEADER_BYTES || header.readUInt32BE(0) !== MAGIC) return undefined;
  if (header[CLASS_OFFSET] !== CLASS_64 || header[DATA_OFFSET] !== DATA_LITTLE_ENDIAN) {
    return undefined;
  }
  const machine = header.readUInt16LE(MACHINE_OFFSET);
  return ARCHITECTURES.find((name) => MACHINES[name] === machine);
}

/** Throws unless the file is a 64-bit executable for this architecture. Reads the file. */
export function assertElfArchitecture(path: string, expected: Architecture): void {
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, "r");
  try {
    readSync(file, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(file);
  }
  const found = parseElfArchitecture(header);
  if (found !== expected) {
    throw new Error(`${path} is built for ${found ?? "an unknown machine"}, not for ${expected}`);
  }
}
