import type { Pfn } from "@kvmm/mm-core";
import { decodeRecords, ProfilingSession, Workload } from "@kvmm/spe-model";
import type { World } from "../run/world.js";
import { GuestBuffer } from "./guest-buffer.js";
import type { RunningSpe } from "./running-spe.js";
import type { SpeRecovery } from "./spe-policy.js";

/** How the guest profiles itself. */
export interface ProfileOptions {
  /** Guest physical address of the buffer, page-aligned. */
  readonly gpa: number;
  /** Bytes of the buffer: a power of two, at least two pages. */
  readonly size: number;
  /** Operations between samples. */
  readonly samplePeriod: number;
  readonly recovery: SpeRecovery;
  /** Of the program and of the samples' jitter. */
  readonly seed: number;
  /** Operations that the vCPU executes while another CPU waits between break and make of a stage-2 entry. */
  readonly window: number;
}

/** What a profile has come to so far. */
export interface ProfileFigures {
  /** Operations executed. */
  readonly operations: number;
  /** Records that SPE wrote to the buffer. */
  readonly written: number;
  /** Of these, the records that `perf record` read: the others went with their memory. */
  readonly read: number;
  /** Records that a fault lost. */
  readonly lost: number;
  /** Samples that were due while profiling was wanted and off. */
  readonly blackoutSamples: number;
  /** Operations executed meanwhile. */
  readonly blackoutOperations: number;
  /** What the profile lacks: lost to a fault, gone with its memory, or due while profiling was off. */
  readonly missing: number;
  /** Stage-2 faults of SPE's writes, each an interrupt that Linux' driver takes for fatal. */
  readonly faults: number;
  /** Of these, faults between break and make of an entry that maps the buffer again right after. */
  readonly windowFaults: number;
  /** The faults by what PMBSR_EL1 says: `translation level 3`. */
  readonly faultsByKind: Readonly<Record<string, number>>;
  /** Stage-2 faults of the vCPU on the buffer: what it costs to map it again. */
  readonly vcpuFaults: number;
}

/** Where the guest's kernel maps the buffer. */
const BASE = 0xffff_8000_8000_0000n;

/** A guest that runs a synthetic program under `perf record -e arm_spe`, its buffer behind the stage 2 of the VM. */
export class GuestProfile implements RunningSpe {
  readonly gpa: number;
  readonly size: number;
  readonly buffer: GuestBuffer;
  /** Frames that are pinned for it. */
  readonly pinned: Pfn[] = [];
  readonly #session: ProfilingSession;
  readonly #window: number;
  #read = 0;
  #windowFaults = 0;
  #taken: ProfileFigures;

  constructor(world: World, options: ProfileOptions) {
    const { gpa, size, samplePeriod, recovery, seed, window } = options;
    this.gpa = gpa;
    this.size = size;
    this.#window = window;
    this.buffer = new GuestBuffer(world, BASE, gpa, size);
    this.#session = new ProfilingSession({
      program: new Workload({ seed }),
      memory: this.buffer,
      cpu: this.buffer,
      base: BASE,
      bufferSize: size,
      config: { samplePeriod },
      unit: { seed },
      onData: (bytes) => {
        for (const item of decodeRecords(bytes)) if (item.kind === "record") this.#read++;
      },
      onInterrupt: ({ action }) => {
        if (action === "fatal" && recovery === "touch") this.buffer.touch();
      },
    });
    this.#taken = this.figures();
  }

  /** Operations executed so far. */
  get now(): number {
    return this.#session.now;
  }

  /** The guest executes operations. */
  run(operations: number): void {
    this.#session.run(operations);
  }

  /** The guest ends its profile: it drains, and perf reads what is left. */
  end(): void {
    this.#session.end();
  }

  duringTlbInvalidation(): void {
    if (!this.buffer.isBroken) return;
    const before = this.#session.unit.counters.stage2;
    this.#session.stall(this.#window);
    this.#windowFaults += this.#session.unit.counters.stage2 - before;
  }

  /** What has come of it since this was last asked. */
  take(): { readonly before: ProfileFigures; readonly now: ProfileFigures } {
    const before = this.#taken;
    this.#taken = this.figures();
    return { before, now: this.#taken };
  }

  figures(): ProfileFigures {
    const { counters, blackoutSamples, blackoutOperations } = this.#session.result();
    const { operations, written, lost, stage2 } = counters;
    return {
      operations,
      written,
      read: this.#read,
      lost,
      blackoutSamples,
      blackoutOperations,
      missing: written - this.#read + lost + blackoutSamples,
      faults: stage2,
      windowFaults: this.#windowFaults,
      faultsByKind: this.buffer.faults,
      vcpuFaults: this.buffer.vcpuFaults,
    };
  }
}
