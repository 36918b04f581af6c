import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIpGroups } from "../../../src/core/ip.ts";
import { formatIpGroups, isIpv4Groups } from "../../../src/core/proxy-protocol/ip-text.ts";
import { seededRandom } from "../tls/seeded-random.ts";

const TEXTS: readonly (readonly [input: string, text: string])[] = [
  ["0.0.0.0", "0.0.0.0"],
  ["255.254.3.2", "255.254.3.2"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["::FFFF:0A00:0001", "10.0.0.1"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["::10.0.0.1", "::a00:1"],
  ["::1:ffff:10.0.0.1", "::1:ffff:a00:1"],
  ["2001:0DB8:0:0:0:0:0:1", "2001:db8::1"],
  // RFC 5952 §4.2.2: one zero group stays.
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  // §4.2.3: the longest run, of two equal ones the first.
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"],
];

for (const [input, text] of TEXTS) {
  test(`formatIpGroups() writes ${input} as ${text}`, () => {
    const groups = parseIpGroups(input);
    assert.ok(groups !== undefined);
    assert.equal(formatIpGroups(groups), text);
    assert.equal(isIpv4Groups(groups), !text.includes(":"));
  });
}

test("formatIpGroups() writes IPv6 as the URL standard does", () => {
  const random = seededRandom(5952);
  for (let i = 0; i < 5000; i += 1) {
    const groups = Array.from({ length: 8 }, () => (random(2) === 0 ? 0 : random(0x10000)));
    if (isIpv4Groups(groups)) continue;
    const full = groups.map((group) => group.toString(16)).join(":");
    assert.equal(`[${formatIpGroups(groups)}]`, new URL(`http://[${full}]`).hostname);
  }
});
