import { expect, test } from "vitest";
import { dataSourceEncoding, dataSourceName } from "./data-source-name.js";

/** MIDR_EL1 with any variant and revision. */
const midr = (implementer: number, part: number) =>
  (BigInt(implementer) << 24n) | 0xf_0000n | (5n << 20n) | (BigInt(part) << 4n) | 3n;

test.each([
  ["Cortex-A715", 0x41, 0xd4d, "common"],
  ["Cortex-A720", 0x41, 0xd81, "common"],
  ["Cortex-A720AE", 0x41, 0xd89, "common"],
  ["Cortex-A725", 0x41, 0xd87, "common"],
  ["Cortex-A78C", 0x41, 0xd4b, "common"],
  ["Cortex-X1", 0x41, 0xd44, "common"],
  ["Cortex-X1C", 0x41, 0xd4c, "common"],
  ["Cortex-X3", 0x41, 0xd4e, "common"],
  ["Cortex-X4", 0x41, 0xd82, "common"],
  ["Cortex-X925", 0x41, 0xd85, "common"],
  ["Neoverse N1", 0x41, 0xd0c, "common"],
  ["Neoverse N2", 0x41, 0xd49, "common"],
  ["Neoverse V1", 0x41, 0xd40, "common"],
  ["Neoverse V2", 0x41, 0xd4f, "common"],
  ["Neoverse V3", 0x41, 0xd84, "common"],
  ["NVIDIA Olympus", 0x4e, 0x010, "common"],
  ["AmpereOne A", 0xc0, 0xac4, "ampereone"],
  ["HiSilicon HIP12", 0x48, 0xd06, "hisi-hip"],
  ["Cortex-A57", 0x41, 0xd07, undefined],
  ["a part of another implementer", 0x42, 0xd0c, undefined],
] as const)("%s has the data sources that perf 7.2 knows for it", (_, implementer, part, encoding) => {
  expect(dataSourceEncoding(midr(implementer, part))).toBe(encoding);
});

test("each encoding has its numbers, and no others", () => {
  const numbers = (encoding: "common" | "ampereone" | "hisi-hip") =>
    Array.from({ length: 256 }, (_, value) => value).filter(
      (value) => dataSourceName(BigInt(value), encoding) !== undefined,
    );
  expect(numbers("common")).toEqual([0, 8, 9, 0xa, 0xb, 0xc, 0xd, 0xe]);
  expect(numbers("ampereone")).toEqual([0, 3, 5, 7, 8, 9]);
  expect(numbers("hisi-hip")).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 18]);
  expect([0n, 8n, 0xdn, 0xen].map((value) => dataSourceName(value))).toEqual(["L1D", "L2", "remote", "DRAM"]);
  expect([7n, 8n].map((value) => dataSourceName(value, "ampereone"))).toEqual(["DDR", "L1D"]);
  expect([9n, 18n].map((value) => dataSourceName(value, "hisi-hip"))).toEqual(["remote memory", "L1"]);
});
