/**
 * What a data source number means depends on the CPU. These are the encodings that `perf` 7.2
 * knows (arm-spe.c: arm_spe__synth_data_source_common, _ampereone, _hisi_hip).
 */
export type DataSourceEncoding = "common" | "ampereone" | "hisi-hip";

const NAMES: Readonly<Record<DataSourceEncoding, ReadonlyMap<number, string>>> = {
  common: new Map([
    [0x0, "L1D"],
    [0x8, "L2"],
    [0x9, "peer core"],
    [0xa, "local cluster"],
    [0xb, "system cache"],
    [0xc, "peer cluster"],
    [0xd, "remote"],
    [0xe, "DRAM"],
  ]),
  ampereone: new Map([
    [0x0, "local chip cache or device"],
    [0x3, "system cache"],
    [0x5, "remote chip cache"],
    [0x7, "DDR"],
    [0x8, "L1D"],
    [0x9, "L2D"],
  ]),
  "hisi-hip": new Map([
    [0, "peer CPU"],
    [1, "peer CPU, modified"],
    [2, "L3"],
    [3, "L3, modified"],
    [4, "peer cluster"],
    [5, "peer cluster, modified"],
    [6, "remote socket"],
    [7, "remote socket, modified"],
    [8, "local memory"],
    [9, "remote memory"],
    [13, "non-cacheable or device"],
    [16, "L2"],
    [17, "L2, modified"],
    [18, "L1"],
  ]),
};

/** Implementer 0x41 (Arm), part number: the CPUs whose encoding `perf` calls common. */
const COMMON_ARM = new Set([
  0xd4d, 0xd81, 0xd89, 0xd87, 0xd4b, 0xd44, 0xd4c, 0xd4e, 0xd82, 0xd85, 0xd0c, 0xd49, 0xd40, 0xd4f, 0xd84,
]);

/** The encoding that a CPU uses, by its MIDR_EL1; undefined where `perf` knows none. */
export function dataSourceEncoding(midr: bigint): DataSourceEncoding | undefined {
  const implementer = Number((midr >> 24n) & 0xffn);
  const part = Number((midr >> 4n) & 0xfffn);
  if (implementer === 0x41 && COMMON_ARM.has(part)) return "common";
  if (implementer === 0x4e && part === 0x010) return "common";
  if (implementer === 0xc0 && part === 0xac4) return "ampereone";
  if (implementer === 0x48 && part === 0xd06) return "hisi-hip";
  return undefined;
}

/** What a data source number means in an encoding, undefined for numbers that it does not have. */
export function dataSourceName(value: bigint, encoding: DataSourceEncoding = "common"): string | undefined {
  return NAMES[encoding].get(Number(value));
}
