import { NotModelled } from "@kvmm/mm-core";
import type { Step } from "../format/step.js";
import { GUEST_RANGE } from "../library/memory-kinds.js";
import type { Patch } from "../patches/define-patch.js";
import { callStep } from "../run/call-step.js";
import { settingOf } from "../run/run-scenario.js";
import { World } from "../run/world.js";
import { BUFFER_GPA, BUFFER_PAGES, guestMemory, type SpeMemory } from "./guest-memory.js";
import { GuestProfile, type ProfileFigures } from "./guest-profile.js";
import { actOnGuestMemory, type HostActivity, happens } from "./host-activity.js";
import { keepMappedBeforeRun, keepMappedOnEnable, policyFits } from "./keep-mapped.js";
import type { SpePolicy, SpeRecovery } from "./spe-policy.js";
import { whyStopped } from "./why-stopped.js";

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
  /** Operations that the vCPU executes between break and make of a stage-2 entry; default 2000. */
  readonly window?: number;
  /** Of the program and of the samples' jitter; default 1. */
  readonly seed?: number;
}

/** What the profile of a guest has come to. */
export interface SpeSimulation extends ProfileFigures {
  readonly memory: SpeMemory;
  readonly kernel: string;
  readonly patches: readonly string[];
  readonly activity: HostActivity;
  readonly policy: SpePolicy;
  readonly recovery: SpeRecovery;
  readonly seed: number;
  /** Operations. */
  readonly interval: number;
  readonly samplePeriod: number;
  /** How often the host was active. */
  readonly activities: number;
  /** Pages of the buffer that SPE can write to at the end. */
  readonly mappedPages: number;
  readonly bufferPages: number;
  /** Pages of the host's memory that are pinned for it. */
  readonly pinnedPages: number;
  /** Warnings of the host's kernel. */
  readonly warnings: readonly string[];
  /** Why it ended before its time: a rule that a patch breaks, or what the model lacks. */
  readonly stopped?: string;
}

const PAGE = 4096;
const HUGE_PAGE = 0x20_0000;

/**
 * A guest runs `perf record -e arm_spe` while the host does something to its memory every so many operations. The
 * buffer is the first 16 pages of a memslot. What the guest executes, what SPE samples and what the host does happen in
 * turn, but that the guest runs on while an entry that maps the buffer is replaced; deterministic: the same options
 * give the same result.
 * @throws NotBuiltIn for a kernel or patch that the model does not have
 */
export function simulateSpe(options: SpeSimulationOptions): SpeSimulation {
  const { memory, activity = "numa-balancing", policy = "none", recovery = "touch", seed = 1 } = options;
  const { interval = 100_000, operations = 1_000_000, samplePeriod = 1024, window = 2000 } = options;
  const { kernel, patches, behaviour } = settingOf(
    { machine: { arch: "arm64", nodes: 2 }, steps: [] },
    { ...(options.kernel === undefined ? {} : { kernel: options.kernel }), patches: options.patches ?? [] },
  );
  const world = new World({ arch: "arm64", nodes: 2, eager_split_chunk_size: HUGE_PAGE }, behaviour);
  const size = BUFFER_PAGES * PAGE;
  const profile = new GuestProfile(world, {
    gpa: BUFFER_GPA,
    size,
    samplePeriod,
    recovery,
    seed,
    window,
  });
  const { buffer } = profile;
  const place = guestMemory(memory, activity === "ksm" && memory === "anon");
  const active = happens(activity, memory, policy);
  let activities = 0;
  let mappedPages = 0;
  const stopped = whyStopped(() => {
    if (!policyFits(policy, memory)) throw new NotModelled(`${policy} on ${memory} memory`);
    for (const step of place.steps) setUp(world, step);
    profile.pinned.push(...keepMappedBeforeRun(world, policy));
    // The guest's kernel zeroes the buffer when it allocates it.
    setUp(world, { call: "vcpu_write", args: { ...GUEST_RANGE, value: 0 } });
    profile.pinned.push(...keepMappedOnEnable(world, policy, BUFFER_GPA, size));
    world.spe = profile;
    for (let due = interval; ; due += interval) {
      profile.run(Math.max(0, Math.min(due, operations) - profile.now));
      if (profile.now >= operations) break;
      if (!active) continue;
      if (activity === "ksm") buffer.showContents();
      actOnGuestMemory(world, activity, place, activities);
      if (activity === "dontneed" && memory !== "gmem") buffer.lose();
      activities++;
    }
    mappedPages = buffer.mappedPages();
    profile.end();
  });
  return {
    memory,
    kernel: kernel.name,
    patches: patches.map(({ name }) => name),
    activity,
    policy,
    recovery,
    seed,
    interval,
    samplePeriod,
    activities,
    ...profile.figures(),
    mappedPages,
    bufferPages: BUFFER_PAGES,
    pinnedPages: profile.pinned.length,
    warnings: world.host.warnings.peek().map(({ fn, text }) => `${fn}: ${text}`),
    ...(stopped === undefined ? {} : { stopped }),
  };
}

function setUp(world: World, step: Step): void {
  const { refusal, value, task } = callStep(world, world.vmm, step, (name) => world.names.get(name));
  if (refusal !== undefined) throw new Error(`setting up the guest's memory: ${refusal.toString()}`);
  if (step.as !== undefined) world.give(step, value ?? 0n, task);
}
