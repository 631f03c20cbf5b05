import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { vectors } from "../../vectors/read-vectors.js";
import { describePacket } from "./describe-packet.js";
import { dumpLines } from "./dump-lines.js";
import type { PerfVersion } from "./perf-version.js";

function golden(name: string, version: PerfVersion): string[] {
  const file = new URL(`../../vectors/${name}.perf-${version}.txt`, import.meta.url);
  return readFileSync(file, "utf8").trimEnd().split("\n");
}

/** perf pads AUX data to a multiple of 8 bytes. */
function padded(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
  copy.set(bytes);
  return copy;
}

test.each([
  ["neoverse-el2", "7.2"],
  ["neoverse-el2", "6.1"],
  ["arm-telemetry", "7.2"],
  ["arm-telemetry", "6.1"],
] as const)("the dump of %s is that of perf %s", (name, version) => {
  const lines = [...dumpLines(padded(vectors[name]!.bytes), { version, asPerf: true })];
  expect(lines).toEqual(golden(name, version));
});

test.each(["7.2", "6.1"] as const)("every packet is in the words of perf %s", (version) => {
  const lines = [...dumpLines(padded(vectors["every-packet"]!.bytes), { version, asPerf: true })];
  const short = lines.slice(1).map((line) => `${line.slice(3, 11)} ${line.slice(62)}`.trimEnd());
  expect(short).toEqual(golden("every-packet", version).map((line) => line.trimEnd()));
});

test("an operation that perf has no words for is a number, unless perf's own mistake is asked for", () => {
  const bytes = Uint8Array.of(0x43, 0x05, 0x48, 0x10);
  const words = (asPerf: boolean) => [...dumpLines(bytes, { asPerf })].at(-1)!.slice(62);
  expect(words(false)).toBe("OP-TYPE 0x10 (0)");
  expect(words(true)).toBe("DATA-SOURCE 5");
});

test("a CPU's own event has its name there", () => {
  const packet = { kind: "events", width: 2, bits: 0x1002n } as const;
  expect(describePacket(packet)).toBe("EV RETIRED IMPDEF:12");
  expect(describePacket(packet, { midr: 0x413f_d0c1n })).toBe("EV RETIRED LATE-PREFETCH");
});
