import type { PerfVersion } from "./perf-version.js";

const OLD: readonly [number, string][] = [
  [0, "EXCEPTION-GEN"],
  [1, "RETIRED"],
  [2, "L1D-ACCESS"],
  [3, "L1D-REFILL"],
  [4, "TLB-ACCESS"],
  [5, "TLB-REFILL"],
  [6, "NOT-TAKEN"],
  [7, "MISPRED"],
  [8, "LLC-ACCESS"],
  [9, "LLC-REFILL"],
  [10, "REMOTE-ACCESS"],
  [11, "ALIGNMENT"],
  [17, "SVE-PARTIAL-PRED"],
  [18, "SVE-EMPTY-PRED"],
];

const NEW: readonly [number, string][] = [
  ...OLD,
  [16, "TXN"],
  [19, "L2D-ACCESS"],
  [20, "L2D-MISS"],
  [21, "HITM"],
  [22, "LFB"],
  [23, "SNOOPED"],
  [24, "STREAMING-SVE"],
  [25, "SMCU"],
].sort(([a], [b]) => (a as number) - (b as number)) as [number, string][];

/** MIDR_EL1 of Neoverse N1 without variant and revision: `perf` names its bit 12. */
const NEOVERSE_N1 = 0x410f_d0c0n;
const MODEL = 0xff0f_fff0n;

const NEW_N1: readonly [number, string][] = [...NEW, [12, "LATE-PREFETCH"]];

/** An events packet in `perf`'s words. With a MIDR_EL1, 7.2 names bits of that CPU. */
export function eventsText(bits: bigint, version: PerfVersion, midr = 0n): string {
  if (version === "6.1") return named(bits, OLD).text;
  const { text, rest } = named(bits, (midr & MODEL) === NEOVERSE_N1 ? NEW_N1 : NEW);
  if (rest === 0n) return text;
  const unnamed = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => (rest >> BigInt(bit)) & 1n);
  return `${text} IMPDEF:${unnamed.join(",")}`;
}

/** The names of the bits that have one, and the other bits. All names are of the lower 32. */
function named(bits: bigint, names: readonly [number, string][]): { text: string; rest: bigint } {
  const low = Number(BigInt.asUintN(32, bits));
  let unnamed = low;
  let text = "EV";
  for (const [bit, name] of names) {
    if (((low >>> bit) & 1) === 0) continue;
    text += ` ${name}`;
    unnamed &= ~(1 << bit);
  }
  return { text, rest: (bits & ~0xffff_ffffn) | BigInt(unnamed >>> 0) };
}
