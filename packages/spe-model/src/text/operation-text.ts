import type { PerfVersion } from "./perf-version.js";

const OLD_PLAIN: readonly [number, string][] = [
  [0x04, "SIMD-FP"],
  [0x00, "GP-REG"],
  [0x10, "UNSPEC-REG"],
  [0x30, "NV-SYSREG"],
];

const PLAIN: Readonly<Record<PerfVersion, ReadonlyMap<number, string>>> = {
  "6.1": new Map(OLD_PLAIN),
  "7.2": new Map([...OLD_PLAIN, [0x14, "MTE-TAG"], [0x20, "MEMCPY"]]),
};

function words(...list: readonly (string | false)[]): string {
  return list.filter((word) => word !== false).join(" ");
}

/** Words for the flags that are set, in order. */
function flags(payload: number, ...named: readonly [number, string][]): string[] {
  return named.filter(([bit]) => (payload >> bit) & 1).map(([, name]) => name);
}

function other(payload: number, version: PerfVersion): string | undefined {
  const vectorLength = 32 << ((payload >> 4) & 7);
  if ((payload & 0x89) === 0x08)
    return words("SVE-OTHER", `EVLEN ${vectorLength}`, ...flags(payload, [1, "FP"], [2, "PRED"]));
  const last = payload & 1 ? "COND-SELECT" : "INSN-OTHER";
  if (version === "6.1") return words("OTHER", last);
  if ((payload & 0x89) === 0x88) {
    const tile = 128 << ((((payload >> 4) & 7) << 1) | ((payload >> 2) & 1));
    return words("SME-OTHER", `ETS ${tile}`, ...flags(payload, [1, "FP"]));
  }
  if ((payload & 0xf8) === 0) return words("OTHER", ...flags(payload, [2, "ASE"], [1, "FP"]), last);
  return undefined;
}

function memory(payload: number, version: PerfVersion): string {
  const first = payload & 1 ? "ST" : "LD";
  const extended = (payload & 0xe2) === 0x02;
  const sve = (payload & 0x0a) === 0x08;
  const plain = PLAIN[version].get(payload & 0xfe);
  const length = `EVLEN ${32 << ((payload >> 4) & 7)}`;
  if (extended) return words(first, ...flags(payload, [2, "AT"], [3, "EXCL"], [4, "AR"]));
  if (plain !== undefined) return words(first, plain);
  if (version === "6.1")
    return words(first, ...(sve ? [length, ...flags(payload, [2, "PRED"], [7, "SG"])] : []));
  if (payload === 0x25) return words(first, "MEMSET");
  if (sve) return words(first, "SVE-SME-REG", length, ...flags(payload, [2, "PRED"], [7, "SG"]));
  if ((payload & 0xfa) === 0x40) return words(first, "GCS", ...flags(payload, [2, "COMM"]));
  return first;
}

function branch(payload: number, version: PerfVersion): string {
  if (version === "6.1") return words("B", payload & 1 ? "COND" : false, (payload & 0xfe) === 0x02 && "IND");
  const kind = [false, "CR-BL", "CR-RET", "CR-NON-BL-RET"][(payload >> 3) & 3] as string | false;
  return words("B", ...flags(payload, [0, "COND"], [1, "IND"], [2, "GCS"]), kind);
}

/** An operation type packet in `perf`'s words, undefined where it has none. */
export function operationText(classBits: number, payload: number, version: PerfVersion): string | undefined {
  switch (classBits) {
    case 0:
      return other(payload, version);
    case 1:
      return memory(payload, version);
    case 2:
      return branch(payload, version);
    default:
      return undefined;
  }
}
