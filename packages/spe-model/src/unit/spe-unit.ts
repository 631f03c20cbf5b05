import { SeededRandom } from "../random/seeded-random.js";
import { encodeRecord } from "../record/encode-record.js";
import { PMBIDR, PMBLIMITR, PMBSR, PMSCR, PMSIDR } from "../registers/spe-registers.js";
import { type BufferEventReason, bufferEventSyndrome } from "./buffer-event.js";
import type { ExecutedOperation, OperationStream } from "./executed-operation.js";
import { IntervalCounter } from "./interval-counter.js";
import { writeToBuffer } from "./profiling-buffer.js";
import type { ProfilingMemory } from "./profiling-memory.js";
import { passesFilters } from "./sample-filter.js";
import { sampleRecord } from "./sample-record.js";
import { newCounters, type UnitCounters } from "./unit-counters.js";
import { ReadOnlyRegisterError, type RegisterName, type UnitRegisters } from "./unit-registers.js";

/** What kind of unit it is. */
export interface UnitOptions {
  readonly memory: ProfilingMemory;
  /** Of the random numbers for jitter; default 1. */
  readonly seed?: number;
  /** PMSIDR_EL1; default `DEFAULT_PMSIDR`. */
  readonly pmsidr?: bigint;
  /** PMBIDR_EL1; default records aligned to 64 bytes. */
  readonly pmbidr?: bigint;
  /** Operations from a record's end to its write; default 0. Records in between are lost with an event. */
  readonly writeDelay?: number;
  /** Most records that wait for their write, 1 to 64; default 8. A full queue writes its oldest. */
  readonly queue?: number;
  /**
   * What a fault does to the record that took it and those behind it: `lose` them and set DL, or
   * `hold` them until software clears PMBSR_EL1.S. The architecture admits both; default `lose`.
   * A record of which a part is written is lost either way.
   */
  readonly onFault?: "lose" | "hold";
  /** CONTEXTIDR_EL1; default 0. */
  readonly contextId?: number;
  /** Counts of the generic timer per 1024 operations; default 64. */
  readonly timerRate?: number;
}

/** All filters of version 1.2, counters of 12 bits, records up to 64 bytes, intervals from 1024, ERND. */
export const DEFAULT_PMSIDR: bigint = PMSIDR.encode({
  FE: 1,
  FT: 1,
  FL: 1,
  FnE: 1,
  ERND: 1,
  ARCHINST: 1,
  COUNTSIZE: 2,
  MAXSIZE: 6,
  INTERVAL: 4,
});

interface InFlight {
  readonly operation: ExecutedOperation;
  readonly el: number;
  readonly timestamp: bigint;
  readonly pmscr: bigint;
  readonly ends: number;
}

interface Queued {
  readonly bytes: Uint8Array;
  readonly due: number;
}

/**
 * The Statistical Profiling Unit and its buffer, of one CPU (Arm ARM, chapters "The Statistical
 * Profiling Extension" and "The Profiling Buffer"). Time is counted in operations.
 */
export class SpeUnit {
  readonly counters: UnitCounters = newCounters();
  /** CONTEXTIDR_EL1, as records with PMSCR_EL1.CX show it. */
  contextId: number;
  readonly #memory: ProfilingMemory;
  readonly #interval: IntervalCounter;
  readonly #registers: UnitRegisters;
  readonly #writeDelay: number;
  readonly #queueLength: number;
  readonly #hold: boolean;
  readonly #timerRate: number;
  readonly #maxRecordSize: number;
  readonly #alignment: number;
  #inFlight: InFlight | undefined;
  #queue: Queued[] = [];
  /** What the registers say, decoded once when they are written. */
  #samplesEl0 = false;
  #samplesEl1 = false;
  #enabled = false;
  #discards = false;
  #stopped = false;
  #collided = false;
  /** An event was raised that `run` has not stopped for. */
  #raised = false;

  constructor(options: UnitOptions) {
    const pmsidr = options.pmsidr ?? DEFAULT_PMSIDR;
    const pmbidr = options.pmbidr ?? PMBIDR.encode({ ALIGN: 6 });
    const { MAXSIZE, ERND } = PMSIDR.decode(pmsidr);
    this.#memory = options.memory;
    this.#interval = new IntervalCounter(new SeededRandom(options.seed ?? 1), ERND === 1);
    this.#writeDelay = options.writeDelay ?? 0;
    this.#queueLength = Math.min(64, Math.max(1, options.queue ?? 8));
    this.#hold = options.onFault === "hold";
    this.#timerRate = options.timerRate ?? 64;
    this.#maxRecordSize = 2 ** MAXSIZE;
    this.#alignment = 2 ** PMBIDR.decode(pmbidr).ALIGN;
    this.contextId = options.contextId ?? 0;
    this.#registers = {
      PMSCR_EL1: 0n,
      PMSICR_EL1: 0n,
      PMSIRR_EL1: 0n,
      PMSFCR_EL1: 0n,
      PMSEVFR_EL1: 0n,
      PMSNEVFR_EL1: 0n,
      PMSLATFR_EL1: 0n,
      PMSDSFR_EL1: 0xffff_ffff_ffff_ffffn,
      PMSIDR_EL1: pmsidr,
      PMBLIMITR_EL1: 0n,
      PMBPTR_EL1: 0n,
      PMBSR_EL1: 0n,
      PMBIDR_EL1: pmbidr,
    };
  }

  /** Reads a register. */
  read(register: RegisterName): bigint {
    return register === "PMSICR_EL1" ? this.#interval.value : this.#registers[register];
  }

  /**
   * Writes a register: 64 bits. Of PMBPTR_EL1 the bits below PMBIDR_EL1.Align stay 0: records start where it says.
   * @throws ReadOnlyRegisterError for PMSIDR_EL1 and PMBIDR_EL1.
   */
  write(register: RegisterName, value: bigint): void {
    if (register === "PMSIDR_EL1" || register === "PMBIDR_EL1") throw new ReadOnlyRegisterError(register);
    const res0 = register === "PMBPTR_EL1" ? BigInt(this.#alignment - 1) : 0n;
    this.#registers[register] = BigInt.asUintN(64, value) & ~res0;
    if (register === "PMSCR_EL1") {
      const { E0SPE, E1SPE } = PMSCR.decode(value);
      this.#samplesEl0 = E0SPE === 1;
      this.#samplesEl1 = E1SPE === 1;
    }
    if (register === "PMBSR_EL1") {
      const { S, COLL } = PMBSR.decode(value);
      this.#stopped = S === 1;
      this.#collided = COLL === 1;
    }
    if (register === "PMBLIMITR_EL1") {
      const { E, FM } = PMBLIMITR.decode(value);
      this.#enabled = E === 1;
      this.#discards = FM === 2;
      // Records that nobody drained before the buffer was disabled have nowhere to go.
      if (!this.#enabled) this.#loseQueue();
    }
    if (register === "PMSIRR_EL1") this.#interval.reload = value;
    if (register === "PMSICR_EL1") this.#interval.value = value;
  }

  /** The level of the interrupt: PMBSR_EL1.S. */
  get interrupt(): boolean {
    return this.#stopped;
  }

  /** Whether operations at an exception level (0 or 1) are counted. */
  profiles(el: 0 | 1): boolean {
    return this.#enabled && !this.#stopped && (el === 0 ? this.#samplesEl0 : this.#samplesEl1);
  }

  /**
   * Executes operations of the stream at an exception level, at most `most`. Stops behind the one at
   * which an event raises the interrupt, so that what happens next is the caller's. Returns how many
   * were executed.
   */
  run(stream: OperationStream, most: number, el: 0 | 1 = 0): number {
    let done = 0;
    while (done < most) {
      if (!this.profiles(el) && this.#inFlight === undefined && this.#queue.length === 0) {
        const rest = most - done;
        stream.skip(rest);
        this.#pass(rest, el);
        return most;
      }
      done += this.#step(stream, most - done, el);
      if (this.interrupt && this.#raised) {
        this.#raised = false;
        return done;
      }
    }
    return done;
  }

  /** PSB CSYNC: the operation in flight ends, and all records are written or lost. */
  drain(): void {
    this.#complete(true);
    while (this.#queue.length > 0 && this.#canWrite()) this.#writeOldest();
    this.#raised = false;
  }

  get #now(): number {
    return this.counters.operations;
  }

  /** Executes operations up to the next one at which something happens. */
  #step(stream: OperationStream, most: number, el: 0 | 1): number {
    const profiles = this.profiles(el);
    const { counters } = this;
    let size = Math.min(most, profiles ? this.#interval.quiet : most);
    if (this.#inFlight) size = Math.min(size, Math.max(1, this.#inFlight.ends - this.#now));
    const due = this.#canWrite() ? this.#queue[0]?.due : undefined;
    if (due !== undefined) size = Math.min(size, Math.max(1, due - this.#now));
    const sampled = profiles && this.#interval.count(size);
    if (sampled) {
      stream.skip(size - 1);
      const operation = stream.next();
      this.#pass(size, el);
      this.#complete(false);
      this.#sample(operation, el);
    } else {
      stream.skip(size);
      this.#pass(size, el);
    }
    this.#complete(false);
    while (this.#queue.length > 0 && this.#queue[0]!.due <= counters.operations && this.#canWrite())
      this.#writeOldest();
    return size;
  }

  #pass(size: number, el: 0 | 1): void {
    this.counters.operations += size;
    if (this.profiles(el)) this.counters.counted += size;
    else if (this.interrupt) this.counters.stopped += size;
  }

  #sample(operation: ExecutedOperation, el: number): void {
    this.counters.samples++;
    if (this.#inFlight) {
      this.counters.collisions++;
      if (!this.#collided) this.write("PMBSR_EL1", this.#registers.PMBSR_EL1 | PMBSR.encode({ COLL: 1 }));
      return;
    }
    const timestamp = BigInt(Math.floor((this.#now / 1024) * this.#timerRate));
    const pmscr = this.#registers.PMSCR_EL1;
    this.#inFlight = { operation, el, timestamp, pmscr, ends: this.#now + operation.latency.total };
  }

  /** Makes a record of the sampled operation if it has ended, or has to. */
  #complete(now: boolean): void {
    const sample = this.#inFlight;
    if (!sample || (!now && sample.ends > this.#now)) return;
    this.#inFlight = undefined;
    const { counters } = this;
    const registers = this.#registers;
    if (!this.#canWrite()) {
      counters.abandoned++;
      return;
    }
    if (!passesFilters(sample.operation, registers)) {
      counters.filtered++;
      return;
    }
    if (this.#discards) {
      counters.discarded++;
      return;
    }
    const context = { el: sample.el, contextId: this.contextId, timestamp: sample.timestamp };
    const record = sampleRecord(sample.operation, context, sample.pmscr, registers.PMSIDR_EL1);
    if (this.#queue.length >= this.#queueLength) this.#writeOldest();
    this.#queue.push({ bytes: encodeRecord(record, this.#alignment), due: this.#now + this.#writeDelay });
  }

  #canWrite(): boolean {
    return this.#enabled && !this.#stopped;
  }

  #writeOldest(): void {
    const { counters } = this;
    const registers = this.#registers;
    const record = this.#queue.shift()!;
    if (!this.#canWrite()) {
      counters.lost++;
      return;
    }
    const { PMBPTR_EL1, PMBLIMITR_EL1 } = registers;
    const result = writeToBuffer(this.#memory, PMBPTR_EL1, PMBLIMITR_EL1, this.#maxRecordSize, record.bytes);
    switch (result.kind) {
      case "written":
        counters.written++;
        counters.bytesWritten += record.bytes.length;
        registers.PMBPTR_EL1 = result.pointer;
        if (result.full) {
          counters.filled++;
          this.#raise("filled", 0, this.#loseQueue());
        }
        return;
      case "full":
        counters.lost++;
        counters.filled++;
        this.#loseQueue();
        this.#raise("filled", 0, true);
        return;
      case "fault": {
        registers.PMBPTR_EL1 = result.pointer;
        const { reason, fsc } = result.fault;
        if (reason === "granule-protection") counters.granuleProtection++;
        else if (reason === "external-abort") counters.externalAbort++;
        else counters[reason]++;
        if (this.#hold && !result.torn) {
          this.#queue.unshift(record);
          this.#raise(reason, fsc, false);
          return;
        }
        counters.lost++;
        this.#loseQueue();
        this.#raise(reason, fsc, true);
      }
    }
  }

  /** Drops all records that wait; true if there were any. */
  #loseQueue(): boolean {
    const count = this.#queue.length;
    this.counters.lost += count;
    this.#queue = [];
    return count > 0;
  }

  #raise(reason: BufferEventReason, fsc: number, dataLost: boolean): void {
    this.write("PMBSR_EL1", bufferEventSyndrome(reason, fsc, dataLost, this.#collided));
    this.#raised = true;
  }
}
