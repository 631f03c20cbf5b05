import { decodeRecords, ProfilingSession, Workload } from "@kvmm/spe-model";
import { GUEST_RANGE, memoryKind, PAGES, touchedByHost } from "../library/memory-kinds.js";
import type { Patch } from "../patches/define-patch.js";
import { callStep } from "../run/call-step.js";
import { settingOf } from "../run/run-scenario.js";
import { World } from "../run/world.js";
import { GuestBuffer } from "./guest-buffer.js";
import { actOnGuestMemory, type HostActivity } from "./host-activity.js";
import type { SpePolicy, SpeRecovery } from "./spe-policy.js";
import { whyStopped } from "./why-stopped.js";

/** Where the memory of the guest comes from. */
export type SpeMemory = "anon" | "gmem";

export interface SpeSimulationOptions {
  readonly memory: SpeMemory;
  /** Left out: the newest kernel. */
  readonly kernel?: string;
  readonly patches?: readonly (string | Patch)[];
  /** Default "numa-balancing". */
  readonly activity?: HostActivity;
  /** Operations of the guest between two activities of the host; default 100000. */
  readonly interval?: number;
  /** Operations that the guest is profiled for; default 1000000. */
  readonly operations?: number;
  /** Operations between samples; default 1024. */
  readonly samplePeriod?: number;
  /** Default "none". */
  readonly policy?: SpePolicy;
  /** Default "touch". */
  readonly recovery?: SpeRecovery;
  /** Of the program and of the samples' jitter; default 1. */
  readonly seed?: number;
}

/** What the profile of a guest has come to. */
export interface SpeSimulation {
  readonly memory: SpeMemory;
  readonly kernel: string;
  readonly patches: readonly string[];
  readonly activity: HostActivity;
  readonly policy: SpePolicy;
  readonly recovery: SpeRecovery;
  readonly seed: number;
  /** Operations. */
  readonly interval: number;
  readonly operations: number;
  readonly samplePeriod: number;
  /** How often the host was active. */
  readonly activities: number;
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
  /** Stage-2 faults of the vCPU on the buffer: what it costs to map it again. */
  readonly vcpuFaults: number;
  /** Pages of the buffer that SPE can write to at the end. */
  readonly mappedPages: number;
  readonly bufferPages: number;
  /** Warnings of the host's kernel. */
  readonly warnings: readonly string[];
  /** Why it ended before its time: a rule that a patch breaks, or what the model lacks. */
  readonly stopped?: string;
}

const BASE = 0xffff_8000_8000_0000n;
const PAGE = 4096;

/**
 * A guest runs `perf record -e arm_spe` while the host does something to its memory every so many operations. The
 * buffer is all of a 16-page memslot. What the guest executes, what SPE samples and what the host does happen in
 * turn; deterministic: the same options give the same result.
 * @throws NotBuiltIn for a kernel or patch that the model does not have
 */
export function simulateSpe(options: SpeSimulationOptions): SpeSimulation {
  const { memory, activity = "numa-balancing", policy = "none", recovery = "touch", seed = 1 } = options;
  const { interval = 100_000, operations = 1_000_000, samplePeriod = 1024 } = options;
  const { kernel, patches, behaviour } = settingOf(
    { machine: { arch: "arm64", nodes: 2 }, steps: [] },
    { ...(options.kernel === undefined ? {} : { kernel: options.kernel }), patches: options.patches ?? [] },
  );
  const world = new World({ arch: "arm64", nodes: 2 }, behaviour);
  const size = PAGES * PAGE;
  const buffer = new GuestBuffer(world, BASE, Number(GUEST_RANGE.gpa), size);
  let read = 0;
  const session = new ProfilingSession({
    program: new Workload({ seed }),
    memory: buffer,
    cpu: buffer,
    base: BASE,
    bufferSize: size,
    config: { samplePeriod },
    unit: { seed },
    onData: (bytes) => {
      for (const item of decodeRecords(bytes)) if (item.kind === "record") read++;
    },
    onInterrupt: ({ action }) => {
      if (action === "fatal" && recovery === "touch") buffer.touch();
    },
  });
  const happens = activity !== "none" && !(policy === "no-numa-balancing" && activity === "numa-balancing");
  let activities = 0;
  let mappedPages = 0;
  const stopped = whyStopped(() => {
    setUp(world, memory);
    for (let done = 0; done < operations; done += interval) {
      if (done > 0 && happens) {
        actOnGuestMemory(world, activity);
        if (activity === "dontneed" && memory === "anon") buffer.lose();
        activities++;
      }
      session.run(Math.min(interval, operations - done));
    }
    mappedPages = buffer.mappedPages();
    session.end();
  });
  const { counters, blackoutSamples, blackoutOperations } = session.result();
  return {
    memory,
    kernel: kernel.name,
    patches: patches.map(({ name }) => name),
    activity,
    policy,
    recovery,
    seed,
    interval,
    operations,
    samplePeriod,
    activities,
    written: counters.written,
    read,
    lost: counters.lost,
    blackoutSamples,
    blackoutOperations,
    missing: counters.written - read + counters.lost + blackoutSamples,
    faults: counters.stage2,
    vcpuFaults: buffer.vcpuFaults,
    mappedPages,
    bufferPages: PAGES,
    warnings: world.host.warnings.peek().map(({ fn, text }) => `${fn}: ${text}`),
    ...(stopped === undefined ? {} : { stopped }),
  };
}

/** The memory, the memslot, and the guest's first writes to all of it: the buffer's pages are zeroed when allocated. */
function setUp(world: World, memory: SpeMemory): void {
  for (const step of touchedByHost(memoryKind(memory))) {
    const { refusal, value, task } = callStep(world, world.vmm, step, (name) => world.names.get(name));
    if (refusal !== undefined) throw new Error(`setting up the guest's memory: ${refusal.toString()}`);
    if (step.as !== undefined) world.give(step, value ?? 0n, task);
  }
}
