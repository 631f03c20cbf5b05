import { ArmSpePmu, type InterruptOutcome } from "../driver/arm-spe-pmu.js";
import { type AuxNote, AuxRing } from "../driver/aux-ring.js";
import { sanitisePeriod } from "../driver/event-registers.js";
import type { SpeEventConfig } from "../driver/spe-event.js";
import type { OperationStream } from "../unit/executed-operation.js";
import type { ProfilingMemory } from "../unit/profiling-memory.js";
import { SpeUnit, type UnitOptions } from "../unit/spe-unit.js";
import type { UnitCounters } from "../unit/unit-counters.js";

/** A CPU that runs a program under `perf record -e arm_spe`. */
export interface SessionOptions {
  readonly program: OperationStream;
  readonly memory: ProfilingMemory;
  /** What the CPU reads and writes at a virtual address of the buffer, past SPE's translation. */
  readonly cpu: {
    clear(va: bigint, size: number): void;
    load(va: bigint, size: number): Uint8Array;
  };
  /** Where the buffer is mapped, page-aligned; default 0xffff800080000000. */
  readonly base?: bigint;
  /** Bytes, a power of two and at least two pages; default 64 KiB. */
  readonly bufferSize?: number;
  /** Bytes; default half the buffer. */
  readonly watermark?: number;
  readonly config?: SpeEventConfig;
  readonly unit?: Omit<UnitOptions, "memory">;
  /** Operations from the interrupt to its handler, 1 and more; default 500. */
  readonly interruptDelay?: number;
  /** Operations from a wakeup to when `perf record` has read the buffer, 1 and more; default 20000. */
  readonly readDelay?: number;
  /** Gets what `perf record` reads, with its place in the AUX stream. Default: it is dropped. */
  readonly onData?: (bytes: Uint8Array, auxOffset: number) => void;
  /** Gets each PERF_RECORD_AUX. */
  readonly onAux?: (note: AuxNote) => void;
  /** Gets what the interrupt handler did, and when: operations from the start. */
  readonly onInterrupt?: (outcome: InterruptOutcome, at: number) => void;
}

/** Profiling was wanted and did not happen. */
export interface Blackout {
  /** Operations from the start. */
  readonly from: number;
  /** Operations; it may go on. */
  readonly operations: number;
  /** `true` while it goes on. */
  readonly open: boolean;
}

/** What a session has come to. */
export interface SessionResult {
  readonly counters: Readonly<UnitCounters>;
  /** Operations executed while profiling was wanted and off. */
  readonly blackoutOperations: number;
  /** The samples that were to be taken in these: operations divided by the period. */
  readonly blackoutSamples: number;
  /** How often profiling went off; `blackouts` has the first MAX_BLACKOUTS. */
  readonly blackoutCount: number;
  readonly blackouts: readonly Blackout[];
  /** Interrupts that the driver handled, by what it found. */
  readonly interrupts: { readonly ok: number; readonly fatal: number; readonly spurious: number };
  /** Bytes that `perf record` read. */
  readonly bytesRead: number;
}

/** Blackouts that a result lists; those after them are counted. */
export const MAX_BLACKOUTS = 1000;

/**
 * Unit, driver and `perf record` together, on one CPU. Run it for some operations, change what the
 * memory's translation says, and run it on.
 */
export class ProfilingSession {
  readonly unit: SpeUnit;
  readonly driver: ArmSpePmu;
  readonly ring: AuxRing;
  readonly #options: SessionOptions;
  readonly #base: bigint;
  readonly #period: number;
  readonly #interrupts = { ok: 0, fatal: 0, spurious: 0 };
  readonly #blackouts: Blackout[] = [];
  #blackoutCount = 0;
  #blackoutOperations = 0;
  #blackoutSince: number | undefined;
  #interruptAt: number | undefined;
  #readAt: number | undefined;
  #bytesRead = 0;
  #ended = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#base = options.base ?? 0xffff_8000_8000_0000n;
    const size = options.bufferSize ?? 64 * 1024;
    if (!Number.isInteger(Math.log2(size)) || size < 8192)
      throw new RangeError(`bufferSize is ${size}; allowed is a power of two from 8192`);
    this.#period = sanitisePeriod(options.config?.samplePeriod ?? 4096);
    this.ring = new AuxRing(size, options.watermark);
    this.unit = new SpeUnit({ ...options.unit, memory: options.memory });
    this.driver = new ArmSpePmu({
      unit: this.unit,
      ring: this.ring,
      base: this.#base,
      clear: (va, bytes) => options.cpu.clear(va, bytes),
      ...(options.config && { config: options.config }),
      ...(options.onAux && { onAux: options.onAux }),
    });
    this.driver.enable();
  }

  /** Operations executed so far. */
  get now(): number {
    return this.unit.counters.operations;
  }

  /** Executes operations of the program at an exception level, with the interrupts and reads that fall due. */
  run(operations: number, el: 0 | 1 = 0): void {
    const end = this.now + operations;
    this.#expectInterrupt();
    while (this.now < end) {
      const from = this.now;
      const off = !this.unit.profiles(el);
      const next = Math.min(end, this.#interruptAt ?? end, this.#readAt ?? end);
      if (next > from) this.unit.run(this.#options.program, next - from, el);
      this.#account(off, from, el);
      this.#expectInterrupt();
      if (this.#interruptAt !== undefined && this.#interruptAt <= this.now) this.#handleInterrupt();
      if (this.ring.woken) this.#readAt ??= this.now + Math.max(1, this.#options.readDelay ?? 20_000);
      if (this.#readAt !== undefined && this.#readAt <= this.now) this.#read();
    }
  }

  /**
   * Executes operations while the CPU that would take the interrupt is held up: sampling and its writes go on, what
   * falls due waits for the next `run`.
   */
  stall(operations: number, el: 0 | 1 = 0): void {
    const end = this.now + operations;
    while (this.now < end) {
      const from = this.now;
      const off = !this.unit.profiles(el);
      this.unit.run(this.#options.program, end - from, el);
      this.#account(off, from, el);
    }
  }

  /** Ends the event; `perf record` reads what is left. Running on does nothing to the result's records. */
  end(): SessionResult {
    if (!this.#ended) {
      this.#ended = true;
      this.driver.disable();
      this.#take(this.ring.take());
    }
    return this.result();
  }

  /** What has come of it so far. */
  result(): SessionResult {
    const since = this.#blackoutSince;
    const last = since === undefined ? [] : [{ from: since, operations: this.now - since, open: true }];
    return {
      counters: { ...this.unit.counters },
      blackoutOperations: this.#blackoutOperations,
      blackoutSamples: Math.floor(this.#blackoutOperations / this.#period),
      blackoutCount: this.#blackoutCount,
      blackouts: [...this.#blackouts, ...last],
      interrupts: { ...this.#interrupts },
      bytesRead: this.#bytesRead,
    };
  }

  #expectInterrupt(): void {
    if (this.unit.interrupt)
      this.#interruptAt ??= this.now + Math.max(1, this.#options.interruptDelay ?? 500);
  }

  #account(off: boolean, from: number, el: 0 | 1): void {
    if (this.#ended) return;
    const { excludeUser, excludeKernel } = this.#options.config ?? {};
    const wanted = el === 0 ? !excludeUser : !excludeKernel;
    if (off && wanted) this.#blackoutOperations += this.now - from;
    if (!wanted) return;
    const offNow = !this.unit.profiles(el);
    if (offNow && this.#blackoutSince === undefined) {
      this.#blackoutSince = off ? from : this.now;
      this.#blackoutCount++;
    } else if (!offNow) this.#endBlackout();
  }

  #endBlackout(): void {
    if (this.#blackoutSince === undefined) return;
    const from = this.#blackoutSince;
    this.#blackoutSince = undefined;
    if (this.#blackouts.length < MAX_BLACKOUTS)
      this.#blackouts.push({ from, operations: this.now - from, open: false });
  }

  #handleInterrupt(): void {
    this.#interruptAt = undefined;
    const outcome = this.driver.interrupt();
    this.#interrupts[outcome.action]++;
    this.#options.onInterrupt?.(outcome, this.now);
    if (outcome.resumed) this.#endBlackout();
  }

  #read(): void {
    this.#readAt = undefined;
    this.#take(this.driver.read());
    if (this.unit.profiles(0) || this.unit.profiles(1)) this.#endBlackout();
  }

  #take({ offset, size }: { readonly offset: number; readonly size: number }): void {
    this.#bytesRead += size;
    const { onData, cpu } = this.#options;
    if (!onData) return;
    const ring = this.ring.size;
    for (let done = 0; done < size; ) {
      const at = (offset + done) % ring;
      const part = Math.min(size - done, ring - at);
      onData(cpu.load(this.#base + BigInt(at), part), offset + done);
      done += part;
    }
  }
}
