/** An event of vectors/FORMAT.md, section 4. */
export type VectorEvent = readonly [name: string, ...args: (string | number)[]];

/** An operation and its results: FORMAT.md, section 2. What each operation has is said there. */
export interface VectorOp {
  readonly op: string;
  readonly addr?: string;
  readonly size?: string;
  readonly phys?: string;
  readonly prot?: string;
  readonly flags?: string;
  readonly mc?: number | null;
  readonly race?: { readonly cas: number; readonly value: string };
  readonly fail?: boolean;
  readonly mkold?: boolean;
  readonly type?: number;
  readonly annotation?: string;
  readonly visitor_ret?: readonly [number, number];
  readonly level?: number;
  readonly force_pte?: boolean;
  readonly root?: string;
  readonly desc?: string;
  readonly ev?: readonly unknown[];
  readonly warn?: readonly string[];
  readonly [result: string]: unknown;
}

/** A sequence of operations on one set of tables: FORMAT.md, section 1. */
export interface VectorSequence {
  readonly seq: number;
  readonly PAGE_SIZE: 4096 | 16384 | 65536;
  readonly caps: readonly string[];
  readonly mmfr0: string;
  readonly mmfr1: string;
  readonly phys_shift: number;
  readonly vtcr: string;
  readonly stage2_flags: readonly string[];
  readonly force_pte_cb: "always" | "not_rwx" | null;
  readonly dcache_clean_inval_poc: boolean;
  readonly icache_inval_pou: boolean;
  readonly trace: boolean;
  readonly ops: readonly VectorOp[];
}

/** A line of vtcr.jsonl: FORMAT.md, section 5. */
export interface VtcrVector {
  readonly PAGE_SIZE: 4096 | 16384 | 65536;
  readonly CONFIG_ARM64_PA_BITS_52: boolean;
  readonly LPA2: boolean;
  readonly ARM64_WORKAROUND_AMPERE_AC03_CPU_38: boolean;
  readonly ID_AA64MMFR0_EL1: string;
  readonly ID_AA64MMFR1_EL1: string;
  readonly type: number;
  readonly [result: string]: unknown;
}

/** The events whose arguments are addresses and sizes: here they are numbers, which compare faster than text. */
const NUMERIC = new Set(["tlbi_ipa", "tlbi_ipa_nsh", "tlbi_range", "dcache", "icache"]);

/** The events without the `repeat`s that fold them. */
export function unfold(events: readonly unknown[]): VectorEvent[] {
  const all: VectorEvent[] = [];
  for (const event of events as readonly VectorEvent[]) {
    if (event[0] === "repeat") unfoldRun(event as unknown as FoldedRun, all);
    else all.push(parseNumeric(event));
  }
  return all;
}

type FoldedRun = readonly ["repeat", number, readonly VectorEvent[], readonly (readonly number[])[]];

function unfoldRun([, count, folded, steps]: FoldedRun, all: VectorEvent[]): void {
  const group = folded.map(parseNumeric);
  for (let i = 0; i < count; i++) {
    for (let g = 0; g < group.length; g++) {
      const first = group[g]!;
      const event: [string, ...(string | number)[]] = [first[0]];
      for (let a = 1; a < first.length; a++) event.push(advance(first[a]!, i * steps[g]![a - 1]!));
      all.push(event);
    }
  }
}

function parseNumeric(event: VectorEvent): VectorEvent {
  if (!NUMERIC.has(event[0])) return event;
  const [name, ...args] = event;
  return [name, ...args.map(Number)];
}

function advance(value: string | number, by: number): string | number {
  if (typeof value === "number") return value + by;
  return by === 0 ? value : `0x${(BigInt(value) + BigInt(by)).toString(16)}`;
}
