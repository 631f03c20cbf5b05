import { Arm64Mmu, deviceWrite } from "@kvmm/arm64-stage2";
import { NotModelled, PAGE_SIZE, refuse } from "@kvmm/mm-core";
import type { SpeObservation } from "../../format/observation.js";
import { GuestProfile } from "../../spe/guest-profile.js";
import { keepMappedBeforeRun, keepMappedOnEnable, unpin } from "../../spe/keep-mapped.js";
import type { Bindings, CallOutcome } from "../outcome.js";
import { int, unsigned } from "../results.js";
import type { World } from "../world.js";

const LEAST_BUFFER = 2 * PAGE_SIZE;
const MOST_BUFFER = 64 * 1024 * 1024;
const MOST_OPERATIONS = 100_000_000;

function profileOf(world: World, call: string): GuestProfile {
  if (!(world.spe instanceof GuestProfile)) throw new NotModelled(`${call} without spe_enable before it`);
  return world.spe;
}

const COUNTED = ["operations", "written", "read", "lost", "faults", "vcpuFaults"] as const;

/** What has come of the profile since it was last told, also between the calls: SPE runs on while the host does something. */
function sinceLastTold(profile: GuestProfile): SpeObservation {
  const { before, now: after } = profile.take();
  const added = Object.fromEntries(COUNTED.map((name) => [name, after[name] - before[name]]));
  const faultKinds = Object.entries(after.faultsByKind)
    .map(([kind, count]) => [kind, count - (before.faultsByKind[kind] ?? 0)] as const)
    .filter(([, count]) => count > 0);
  return {
    operations: added["operations"]!,
    written: added["written"]!,
    read: added["read"]!,
    lost: added["lost"]!,
    not_sampled: after.blackoutSamples - before.blackoutSamples,
    blackout_operations: after.blackoutOperations - before.blackoutOperations,
    faults: added["faults"]!,
    ...(faultKinds.length === 0 ? {} : { fault_kinds: Object.fromEntries(faultKinds) }),
    window_faults: after.windowFaults - before.windowFaults,
    vcpu_faults: added["vcpuFaults"]!,
  };
}

function enable(world: World, args: Parameters<NonNullable<Bindings["spe_enable"]>>[2]): CallOutcome {
  if (world.spe !== null)
    return { refusal: refuse("EBUSY", "arm_spe_pmu_add", "the guest profiles already") };
  const gpa = unsigned(args.gpa);
  const size = unsigned(args.length);
  if (!Number.isInteger(Math.log2(size)) || size < LEAST_BUFFER || size > MOST_BUFFER) {
    const reason = `a buffer of ${size} bytes`;
    return {
      refusal: refuse("EINVAL", "arm_spe_pmu_setup_aux", reason, "a power of two from 2 pages to 64 MiB"),
    };
  }
  const profile = new GuestProfile(world, {
    gpa,
    size,
    samplePeriod: int(args.period),
    recovery: args.recovery,
    seed: int(args.seed),
    window: int(args.window),
  });
  // What user space does before the first run is done here, where the policy is named.
  profile.pinned.push(...keepMappedBeforeRun(world, args.policy));
  profile.buffer.touch();
  profile.pinned.push(...keepMappedOnEnable(world, args.policy, gpa, size));
  const { mmu } = world.kvm;
  if (mmu instanceof Arm64Mmu) mmu.pgt.tables.hasDevices = true;
  world.spe = profile;
  return {};
}

function run(world: World, operations: number): CallOutcome {
  const profile = profileOf(world, "spe_run");
  if (!(operations >= 0 && operations <= MOST_OPERATIONS))
    throw new NotModelled(`spe_run of ${operations} operations: at most ${MOST_OPERATIONS}`);
  profile.run(operations);
  return { observation: { ret: 0, spe: sinceLastTold(profile) } };
}

function disable(world: World): CallOutcome {
  const profile = profileOf(world, "spe_disable");
  profile.end();
  unpin(world, profile.pinned);
  world.spe = null;
  return { observation: { ret: 0, spe: sinceLastTold(profile) } };
}

/** One record's write, through stage 2: a step that threads can be explored with. */
function write(world: World, page: number): CallOutcome {
  const { spe } = world;
  const { mmu } = world.kvm;
  if (spe === null || !(mmu instanceof Arm64Mmu))
    throw new NotModelled("spe_write without spe_enable before it");
  if (!(page >= 0 && page * PAGE_SIZE < spe.size))
    throw new NotModelled(`spe_write to page ${page} of a buffer of ${spe.size / PAGE_SIZE}`);
  const done = deviceWrite(mmu, spe.gpa + page * PAGE_SIZE);
  if (!("fault" in done)) return { observation: { ret: 0, spe: { written: 1 } } };
  const kind = `${done.fault} level ${done.level}`;
  return {
    lostRecord: `${page} ${kind}`,
    observation: { ret: 0, spe: { lost: 1, faults: 1, fault_kinds: { [kind]: 1 } } },
  };
}

export const speBindings = {
  spe_enable: (world, _task, args) => enable(world, args),
  spe_run: (world, _task, { operations }) => run(world, int(operations)),
  spe_write: (world, _task, { page }) => write(world, int(page)),
  spe_disable: (world) => disable(world),
} satisfies Bindings;
