import assert from "node:assert/strict";
import { closeSync, openSync, readSync } from "node:fs";
import { test } from "node:test";
import { ARCHITECTURES, assertElfArchitecture, parseElfArchitecture } from "../../build/elf.ts";

const HEADER = readHeader(process.execPath);

test("parseElfArchitecture() names the machine of a real executable", () => {
  assert.equal(parseElfArchitecture(HEADER), process.arch);
});

test("parseElfArchitecture() follows e_machine", () => {
  const header = Buffer.from(HEADER);
  header.writeUInt16LE(183, 18);
  assert.equal(parseElfArchitecture(header), "arm64");
  header.writeUInt16LE(62, 18);
  assert.equal(parseElfArchitecture(header), "x64");
  header.writeUInt16LE(243, 18);
  assert.equal(parseElfArchitecture(header), undefined);
});

test("parseElfArchitecture() refuses every other beginning", () => {
  for (const [offset, value] of [
    [0, 0],
    [1, 0x46],
    [4, 1],
    [5, 2],
  ] as const) {
    const header = Buffer.from(HEADER);
    header[offset] = value;
    assert.equal(parseElfArchitecture(header), undefined, `byte ${offset}`);
  }
  for (let length = 0; length < HEADER.length; length += 1) {
    assert.equal(parseElfArchitecture(HEADER.subarray(0, length)), undefined, `${length} bytes`);
  }
});

test("assertElfArchitecture() throws for another machine and for a text", () => {
  for (const arch of ARCHITECTURES) {
    if (arch === process.arch) assertElfArchitecture(process.execPath, arch);
    else assert.throws(() => assertElfArchitecture(process.execPath, arch), /not for/);
  }
  assert.throws(() => assertElfArchitecture(import.meta.filename, "x64"), /unknown machine/);
});

function readHeader(path: string): Buffer {
  const header = Buffer.alloc(20);
  const file = openSync(path, "r");
  readSync(file, header, 0, header.length, 0);
  closeSync(file);
  return header;
}
