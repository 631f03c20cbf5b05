import { BufferEventClass, BufferStatusCode, PMBLIMITR, PMBSR } from "../registers/spe-registers.js";
import type { SpeUnit } from "../unit/spe-unit.js";
import type { AuxHandle, AuxNote, AuxRing } from "./aux-ring.js";
import { eventRefusal } from "./event-refusal.js";
import { DEFAULT_PERIOD, eventRegisters } from "./event-registers.js";
import { probeUnit } from "./probe-unit.js";
import type { SpeEventConfig } from "./spe-event.js";

/** What the driver has to work with. */
export interface DriverOptions {
  readonly unit: SpeUnit;
  readonly ring: AuxRing;
  /** Where the ring is mapped in the kernel, page-aligned: 64 bits. */
  readonly base: bigint;
  /** The CPU writes zeros: padding, at a virtual address. Its faults are not SPE's. */
  readonly clear: (va: bigint, size: number) => void;
  readonly config?: SpeEventConfig;
  /** Gets each PERF_RECORD_AUX. */
  readonly onAux?: (note: AuxNote) => void;
  /** Bytes; default 4096. */
  readonly pageSize?: number;
}

/** What the interrupt handler found (arm_spe_pmu_buf_get_fault_act()). */
export type FaultAction = "spurious" | "ok" | "fatal";

/** What the interrupt handler did. */
export interface InterruptOutcome {
  readonly action: FaultAction;
  /** PMBSR_EL1 as the handler found it. */
  readonly pmbsr: bigint;
  /** What it would print. */
  readonly message?: string;
  /** Sampling goes on. */
  readonly resumed: boolean;
}

/**
 * Linux' driver for SPE with one event on one CPU (drivers/perf/arm_spe_pmu.c, 7.2), and what perf's
 * core and `perf record` do about it. A full buffer is handed over and profiling resumes; any fault is
 * fatal: the buffer stays disabled until the event is enabled or scheduled in again. An event whose
 * data was truncated is disabled until `perf record` has read the buffer.
 */
export class ArmSpePmu {
  readonly #unit: SpeUnit;
  readonly #ring: AuxRing;
  readonly #base: bigint;
  readonly #clear: (va: bigint, size: number) => void;
  readonly #config: SpeEventConfig;
  readonly #onAux: (note: AuxNote) => void;
  readonly #pageSize: number;
  readonly #align: number;
  readonly #maxRecordSize: number;
  #handle: AuxHandle | undefined;
  #state: "disabled" | "stopped" | "running" = "disabled";
  #disabling = false;
  #periodLeft: bigint;

  /** @throws RangeError for a unit, an event or a ring that the driver does not take */
  constructor(options: DriverOptions) {
    this.#unit = options.unit;
    this.#ring = options.ring;
    this.#base = options.base;
    this.#clear = options.clear;
    this.#config = options.config ?? {};
    this.#onAux = options.onAux ?? (() => {});
    this.#pageSize = options.pageSize ?? 4096;
    if (this.#ring.size < 2 * this.#pageSize)
      throw new RangeError(`a ring of ${this.#ring.size} bytes; arm_spe_pmu_setup_aux() wants two pages`);
    // perf_event_alloc(): the first interval is what was asked for, before the driver rounds it.
    this.#periodLeft = BigInt(Math.trunc(this.#config.samplePeriod ?? DEFAULT_PERIOD));
    const pmsidr = options.unit.read("PMSIDR_EL1");
    const { align, maxRecordSize } = probeUnit(options.unit.read("PMBIDR_EL1"), pmsidr);
    this.#align = align;
    this.#maxRecordSize = maxRecordSize;
    const refusal = eventRefusal(this.#config, { pmsidr });
    if (refusal) throw new RangeError(`the driver refuses the event, ${refusal.errno}: ${refusal.reason}`);
  }

  /** perf wants samples, and the event is not disabled. */
  get enabled(): boolean {
    return this.#state !== "disabled";
  }

  /** Enables the event, as opening it or PERF_EVENT_IOC_ENABLE does. */
  enable(): void {
    if (this.#state !== "disabled") return;
    this.#state = "stopped";
    this.#start(true);
  }

  /** The thread is scheduled out: arm_spe_pmu_del(). */
  scheduleOut(): void {
    if (this.#state === "running") this.#stop();
    this.#runIrqWork();
  }

  /** The thread is scheduled in: arm_spe_pmu_add(). Sampling starts again whatever had stopped the buffer. */
  scheduleIn(): void {
    if (this.#state === "stopped") this.#start(true);
  }

  /** Stands for arm_spe_pmu_irq_handler(). */
  interrupt(): InterruptOutcome {
    const handle = this.#handle;
    if (!handle) return { action: "spurious", pmbsr: this.#unit.read("PMBSR_EL1"), resumed: false };
    const { action, pmbsr, message } = this.#faultAction(handle);
    const said = message === undefined ? {} : { message };
    if (action === "spurious") return { action, pmbsr, resumed: false };
    // irq_work_run(): an event that is to be disabled is, before the registers are touched again.
    this.#runIrqWork();
    if (action === "fatal") this.#disableAndDrain();
    else if (!handle.truncated && this.#state === "running" && !this.#begin()) {
      this.#stop();
      this.#runIrqWork();
    }
    this.#unit.write("PMBSR_EL1", 0n);
    return { action, pmbsr, ...said, resumed: this.#unit.profiles(0) || this.#unit.profiles(1) };
  }

  /**
   * `perf record` takes what is in the ring and, if there was anything, enables the event again (auxtrace_mmap__read()
   * and its read_finish): an event that was disabled before it had written anything stays so. Returns the range of the
   * AUX stream, whose bytes are at `base` plus its offset modulo the size.
   */
  read(): { readonly offset: number; readonly size: number } {
    const taken = this.#ring.take();
    if (taken.size > 0) this.enable();
    return taken;
  }

  /** The event ends: the last records are handed over. */
  disable(): void {
    if (this.#state === "running") this.#stop();
    this.#state = "disabled";
  }

  /** Stands for arm_spe_pmu_start(). */
  #start(reload: boolean): void {
    this.#state = "running";
    if (!this.#begin()) {
      this.#disableAndDrain();
      this.#state = "stopped";
      this.#runIrqWork();
      return;
    }
    const { PMSCR_EL1, PMSIRR_EL1, ...filters } = eventRegisters(this.#config);
    for (const [name, value] of Object.entries(filters))
      this.#unit.write(name as keyof typeof filters, value);
    if (reload) {
      this.#unit.write("PMSIRR_EL1", PMSIRR_EL1);
      this.#unit.write("PMSICR_EL1", this.#periodLeft);
    }
    this.#unit.write("PMSCR_EL1", PMSCR_EL1);
  }

  /** Stands for arm_spe_pmu_stop() with PERF_EF_UPDATE. */
  #stop(): void {
    if (this.#state !== "running") return;
    this.#disableAndDrain();
    if (this.#handle) {
      const { action } = this.#faultAction(this.#handle);
      if (action === "spurious") this.#end();
      else this.#unit.write("PMBSR_EL1", 0n);
    }
    this.#periodLeft = this.#unit.read("PMSICR_EL1");
    this.#state = "stopped";
  }

  /** Stands for arm_spe_pmu_buf_get_fault_act(). */
  #faultAction(handle: AuxHandle): { action: FaultAction; pmbsr: bigint; message?: string } {
    this.#unit.drain();
    const pmbsr = this.#unit.read("PMBSR_EL1");
    const { S, DL, COLL, EC, MSS } = PMBSR.decode(pmbsr);
    if (S === 0) return { action: "spurious", pmbsr };
    if (DL === 1) {
      handle.truncated = true;
      handle.partial = true;
    }
    if (COLL === 1) handle.collision = true;
    let problem: string | undefined;
    if (EC === BufferEventClass.stage1Fault || EC === BufferEventClass.stage2Fault)
      problem = "Unexpected buffer fault";
    else if (EC !== BufferEventClass.bufferManagement) problem = "Unknown error code";
    // The driver compares all of MSS, not just the status code's six bits.
    else if (MSS !== BufferStatusCode.filled) problem = "Unknown buffer status code";
    const message = problem && `${problem} on CPU [${this.#registersText(pmbsr)}]`;
    this.#end();
    return message ? { action: "fatal", pmbsr, message } : { action: "ok", pmbsr };
  }

  #registersText(pmbsr: bigint): string {
    const hex = (value: bigint) => `0x${value.toString(16).padStart(16, "0")}`;
    const pointer = this.#unit.read("PMBPTR_EL1");
    const limit = this.#unit.read("PMBLIMITR_EL1");
    return `PMBSR=${hex(pmbsr)}, PMBPTR=${hex(pointer)}, PMBLIMITR=${hex(limit)}`;
  }

  /** Stands for arm_spe_perf_aux_output_begin(): false if there is no room. */
  #begin(): boolean {
    if (this.#config.discard) {
      this.#unit.write("PMBLIMITR_EL1", PMBLIMITR.encode({ FM: 2, E: 1 }));
      return true;
    }
    const handle = this.#ring.begin();
    if (!handle) {
      this.#disabling = true;
      this.#handle = undefined;
      this.#unit.write("PMBLIMITR_EL1", 0n);
      return false;
    }
    this.#handle = handle;
    const limit = this.#nextOffset(handle);
    this.#unit.write("PMBPTR_EL1", this.#base + BigInt(handle.head % this.#ring.size));
    const enabled = limit > 0 ? PMBLIMITR.encode({ E: 1 }) : 0n;
    this.#unit.write("PMBLIMITR_EL1", (this.#base + BigInt(limit)) | enabled);
    return limit > 0;
  }

  /** Stands for arm_spe_perf_aux_output_end(). */
  #end(): void {
    const handle = this.#handle;
    if (!handle) return;
    const offset = Number(this.#unit.read("PMBPTR_EL1") - this.#base);
    this.#finish(handle, Math.max(0, offset - (handle.head % this.#ring.size)));
  }

  /** Stands for perf_aux_output_end(). */
  #finish(handle: AuxHandle, size: number): void {
    const note = this.#ring.end(handle, size);
    if (note) this.#onAux(note);
    if (handle.truncated) this.#disabling = true;
    this.#handle = undefined;
  }

  #runIrqWork(): void {
    if (!this.#disabling) return;
    this.#disabling = false;
    this.#stop();
    this.#state = "disabled";
  }

  /** Stands for arm_spe_pmu_disable_and_drain_local(). */
  #disableAndDrain(): void {
    this.#unit.write("PMSCR_EL1", 0n);
    this.#unit.drain();
    this.#unit.write("PMBLIMITR_EL1", 0n);
  }

  /** Stands for arm_spe_pmu_next_off(): where the buffer is to end, 0 if there is no room. */
  #nextOffset(handle: AuxHandle): number {
    const limit = this.#limit(handle);
    const head = handle.head % this.#ring.size;
    if (limit === 0 || limit - head >= this.#maxRecordSize) return limit;
    this.#pad(handle, limit - head);
    return this.#limit(handle);
  }

  /** Stands for __arm_spe_pmu_next_off(). */
  #limit(handle: AuxHandle): number {
    const { size } = this.#ring;
    const misaligned = (handle.head % size) % this.#align;
    if (misaligned !== 0) this.#pad(handle, Math.min(this.#align - misaligned, handle.size));
    const head = handle.head % size;
    if (handle.size > 0) {
      const tail = (handle.head + handle.size) % size;
      const wakeup = handle.wakeup % size;
      let limit = size;
      if (head < tail) limit = tail - (tail % this.#pageSize);
      if (handle.wakeup - handle.head >= 0 && handle.wakeup - handle.head < handle.size && head <= wakeup)
        limit = Math.min(limit, Math.ceil(wakeup / this.#pageSize) * this.#pageSize);
      if (limit > head) return limit;
      this.#pad(handle, handle.size);
    }
    handle.truncated = true;
    this.#finish(handle, 0);
    return 0;
  }

  /** Stands for arm_spe_pmu_pad_buf(). */
  #pad(handle: AuxHandle, size: number): void {
    this.#clear(this.#base + BigInt(handle.head % this.#ring.size), size);
    this.#ring.skip(handle, size);
  }
}
