import { type EventName, eventBits } from "../events/event-bit.js";
import { hash32 } from "../random/seeded-random.js";
import type { ExecutedOperation, OperationStream } from "../unit/executed-operation.js";

/** How a workload goes through its memory. */
export type AccessPattern = "sequential" | "stride" | "random" | "hot-and-cold";

/** A synthetic program. */
export interface WorkloadOptions {
  /** Default 1. The same seed gives the same operations. */
  readonly seed?: number;
  /** Default "random". */
  readonly pattern?: AccessPattern;
  /** Bytes that it accesses, up to 2^48; default 64 MiB. */
  readonly footprint?: number;
  /** Bytes between accesses with "stride"; default 4096. */
  readonly stride?: number;
  /** Where the data starts, 64 bits; default 0x10000000. */
  readonly data?: bigint;
  /** Where the code starts, 64 bits; default 0x400000. */
  readonly code?: bigint;
  /** Of 100 operations; the rest are neither. Default 30 loads, 12 stores, 18 branches. */
  readonly mix?: { readonly loads: number; readonly stores: number; readonly branches: number };
  /** Physical addresses, where records are to have them. */
  readonly physical?: (va: bigint) => bigint | undefined;
}

const CODE_SIZE = 1 << 16;
const LINE = 64;

/** Where a line is found, how often of 256 (hot data, cold data), what it costs and which data source says so. */
const LEVELS = [
  { hot: 230, cold: 90, cycles: 5, source: 0x0, events: [] },
  { hot: 250, cold: 140, cycles: 14, source: 0x8, events: ["l1dRefill"] },
  { hot: 254, cold: 200, cycles: 45, source: 0xb, events: ["l1dRefill", "llcAccess"] },
  { hot: 256, cold: 250, cycles: 180, source: 0xe, events: ["l1dRefill", "llcAccess", "llcMiss"] },
  {
    hot: 256,
    cold: 256,
    cycles: 320,
    source: 0xd,
    events: ["l1dRefill", "llcAccess", "llcMiss", "remoteAccess"],
  },
] as const satisfies readonly { events: readonly EventName[]; [key: string]: unknown }[];

/**
 * An endless program, each of whose operations follows from the seed and its number alone, so that
 * passing over any number of them costs nothing.
 */
export class Workload implements OperationStream {
  readonly #seed: number;
  readonly #pattern: AccessPattern;
  readonly #footprint: number;
  readonly #stride: number;
  readonly #data: bigint;
  readonly #code: bigint;
  readonly #bounds: readonly [number, number, number];
  readonly #physical: ((va: bigint) => bigint | undefined) | undefined;
  #index = 0;

  constructor(options: WorkloadOptions = {}) {
    const { loads, stores, branches } = options.mix ?? { loads: 30, stores: 12, branches: 18 };
    this.#seed = options.seed ?? 1;
    this.#pattern = options.pattern ?? "random";
    this.#footprint = Math.max(LINE, options.footprint ?? 64 * 1024 * 1024);
    this.#stride = options.stride ?? 4096;
    this.#data = options.data ?? 0x1000_0000n;
    this.#code = options.code ?? 0x40_0000n;
    this.#bounds = [loads, loads + stores, loads + stores + branches];
    this.#physical = options.physical;
  }

  /** The number of the next operation. */
  get index(): number {
    return this.#index;
  }

  skip(count: number): void {
    this.#index += count;
  }

  next(): ExecutedOperation {
    return this.at(this.#index++);
  }

  /** The operation with this number, 0 and more. */
  at(index: number): ExecutedOperation {
    const low = index % 2 ** 32;
    const seed = hash32(this.#seed, Math.floor(index / 2 ** 32));
    const draw = hash32(seed, low);
    const kind = draw % 100;
    const pc = this.#code + BigInt((hash32(seed ^ 0x5bd1, low >>> 6) % (CODE_SIZE / 4)) * 4 + (low & 63) * 4);
    if (kind < this.#bounds[1]) return this.#access(index, seed, low, pc, kind >= this.#bounds[0]);
    if (kind < this.#bounds[2]) return branch(pc, draw >>> 8);
    return {
      pc,
      operation: {
        class: "other",
        subclass: "other",
        simd: false,
        floatingPoint: (draw & 0x1000) !== 0,
        conditional: false,
      },
      events: eventBits("retired"),
      latency: { issue: 2 + ((draw >>> 8) & 3), total: 4 + ((draw >>> 10) & 7) },
    };
  }

  #access(index: number, seed: number, low: number, pc: bigint, store: boolean): ExecutedOperation {
    const place = hash32(seed ^ 0xa17c, low);
    const { offset, hot } = this.#offset(index, place);
    const dataVirtual = this.#data + BigInt(offset - (offset % 8));
    const luck = hash32(seed ^ 0x3c6e, low);
    const level = LEVELS.find((each) => (luck & 0xff) < (hot ? each.hot : each.cold))!;
    const walk = ((luck >>> 8) & 0xff) < (hot ? 2 : 40);
    const issue = 4 + ((luck >>> 16) & 7);
    const translation = walk ? 30 + ((luck >>> 19) & 31) : 1;
    const physical = this.#physical?.(dataVirtual);
    return {
      pc,
      operation: { class: "memory", subclass: (luck >>> 24) % 8 === 0 ? "simd-fp" : "general", store },
      events: eventBits(
        "retired",
        "l1dAccess",
        "tlbAccess",
        ...level.events,
        ...(walk ? (["tlbWalk"] as const) : []),
      ),
      latency: { issue, translation, total: issue + translation + level.cycles },
      dataVirtual,
      ...(physical !== undefined && { dataPhysical: physical }),
      ...(!store && { dataSource: level.source }),
    };
  }

  /** Where in the footprint an access goes, and whether it was there a moment ago. */
  #offset(index: number, place: number): { offset: number; hot: boolean } {
    const size = this.#footprint;
    const anywhere = Math.floor((place / 2 ** 32) * size);
    switch (this.#pattern) {
      case "sequential":
        return { offset: (index * 8) % size, hot: (index * 8) % LINE !== 0 };
      case "stride":
        return { offset: (index * this.#stride) % size, hot: this.#stride < LINE };
      case "random":
        return { offset: anywhere, hot: false };
      case "hot-and-cold":
        // Nine of ten accesses go to a sixteenth of the memory.
        return place % 10 === 0
          ? { offset: anywhere, hot: false }
          : { offset: Math.floor(anywhere / 16), hot: true };
    }
  }
}

function branch(pc: bigint, draw: number): ExecutedOperation {
  const conditional = draw % 4 !== 0;
  const taken = !conditional || draw % 3 === 0;
  const missed = (draw >>> 4) % 32 === 0;
  const events: EventName[] = ["retired"];
  if (!taken) events.push("notTaken");
  if (missed) events.push("mispredicted");
  return {
    pc,
    operation: {
      class: "branch",
      conditional,
      indirect: !conditional && draw % 8 === 0,
      gcs: false,
      callReturn: "unknown",
      reserved: 0,
    },
    events: eventBits(...events),
    latency: { issue: 6, total: missed ? 25 : 8 },
    target: taken ? pc + BigInt(((draw >>> 9) % 1024) * 4) : pc + 4n,
  };
}
