import {
  FallocFlag,
  fallocate,
  hostAccess,
  invalidateRangeEnd,
  invalidateRangeStart,
  Madv,
  madvise,
  PAGE_SIZE,
} from "@kvmm/mm-core";
import { expect, test } from "vitest";
import {
  createGpc,
  type GfnToPfnCache,
  gmemOnlySlotsInHvaRange,
  gpcActivate,
  gpcActivateHva,
  gpcRefresh,
  gpcWrite,
  KVM_MEM_GUEST_MEMFD,
  type KvmBehaviour,
  kvm72,
  kvm73,
} from "../index.js";
import { explore, verdict } from "../testing/explore.js";
import { GPA, Machine, ok, RAM } from "../testing/machine.js";

const USED_AFTER_FREE = "a pfncache uses a page, which is free";
const NO_RANGE =
  "kvm_mmu_invalidate_end: no range was added between start and end (mmu_invalidate_range_start is INVALID_GPA)";
const LEFT_BEHIND = "mmu_invalidate_in_progress is 1 at last";
const ONE_TOO_MANY =
  "kvm_mmu_invalidate_end: mmu_invalidate_in_progress fell below 0: an end without a start";
const rfc = gmemOnlySlotsInHvaRange("ignore");

/** Where the cached page lies. */
type Memory = "ordinary memslot" | "guest_memfd-only memslot over other memory" | "no memslot";

/** A machine with a page of anonymous memory at RAM. */
function machine(behaviour: KvmBehaviour, memory: Memory): { m: Machine; gpc: GfnToPfnCache } {
  const m = new Machine(behaviour, "x86");
  m.anon(RAM, 1);
  hostAccess(m.task, RAM, 7);
  if (memory === "ordinary memslot") ok(m.set({ memorySize: PAGE_SIZE }));
  else if (memory !== "no memslot") {
    ok(m.set({ memorySize: PAGE_SIZE, flags: KVM_MEM_GUEST_MEMFD, guestMemfd: m.gmem(1) }));
  }
  return { m, gpc: createGpc(m.kvm) };
}

/** KVM fills a cache and uses it, while madvise(MADV_DONTNEED) takes the page away. */
function refreshAgainstZap(behaviour: KvmBehaviour, memory: Memory, stopAtFirst = true) {
  const { m, gpc } = machine(behaviour, memory);
  const vmm = m.thread("vmm 2");
  const activate = () =>
    memory === "no memslot" ? gpcActivateHva(m.task, gpc, RAM, 64) : gpcActivate(m.task, gpc, GPA, 64);
  const threads = {
    kernel: [activate, () => gpcWrite(m.task, gpc, 64, 1)],
    vmm: () => madvise(vmm, RAM, PAGE_SIZE, Madv.dontneed),
  };
  return verdict(explore(m, threads, { check: () => m.warnings[0], stopAtFirst }));
}

/**
 * So, while a hole is punched into the guest_memfd that is mapped there. The search is large, so that the use is left
 * out: a cache that is valid may be used at any time.
 */
function refreshAgainstHole(behaviour: KvmBehaviour) {
  const m = new Machine(behaviour, "x86");
  const fd = m.gmemSlot(1);
  hostAccess(m.task, RAM, 7);
  const gpc = createGpc(m.kvm);
  ok(gpcActivate(m.task, gpc, GPA, 64));
  const { mm } = m.task;
  invalidateRangeEnd(mm, invalidateRangeStart(mm, RAM, RAM + PAGE_SIZE, "CLEAR", "test"));
  const vmm = m.thread("vmm 2");
  const punch = FallocFlag.keepSize | FallocFlag.punchHole;
  const threads = {
    kernel: () => gpcRefresh(m.task, gpc, 64),
    vmm: () => fallocate(vmm, fd, punch, 0, PAGE_SIZE),
  };
  const check = () => {
    const isSettled = gpc.lock.holders().length === 0;
    const isFree = m.host.frames.refcount.peek(gpc.pfn.peek()) === 0;
    return isSettled && gpc.valid.peek() && isFree ? USED_AFTER_FREE : undefined;
  };
  return verdict(explore(m, threads, { check }));
}

/**
 * An invalidation of a memslot for which the kernel only locks, while another of an ordinary memslot goes on: what it
 * warns of, in some interleaving or other.
 */
function lockedAgainstOther(): string {
  const m = new Machine(locks, "x86");
  m.anon(RAM, 2);
  ok(m.set({ memorySize: PAGE_SIZE, flags: KVM_MEM_GUEST_MEMFD, guestMemfd: m.gmem(1) }));
  ok(m.set({ slot: 1, guestPhysAddr: 0, memorySize: PAGE_SIZE, userspaceAddr: RAM + PAGE_SIZE }));
  const notify = (start: number) => () => {
    const { mm } = m.task;
    invalidateRangeEnd(mm, invalidateRangeStart(mm, start, start + PAGE_SIZE, "CLEAR", "test"));
  };
  const outcomes = new Set<string>();
  const atEnd = () => {
    outcomes.add(m.warnings[0] ?? "no warning");
    return undefined;
  };
  explore(m, { mm: notify(RAM), other: notify(RAM + PAGE_SIZE) }, { atEnd });
  return [...outcomes].sort().join("; ");
}

/** A memslot that is created or deleted while an invalidation of its memory goes on. */
function updateAgainstNotifier(behaviour: KvmBehaviour, change: "create" | "delete"): string {
  const m = new Machine(behaviour);
  if (change === "delete") ok(m.set());
  const { mm } = m.task;
  const threads = {
    vmm: () => m.set({ memorySize: change === "create" ? 4 * PAGE_SIZE : 0 }),
    mm: () => invalidateRangeEnd(mm, invalidateRangeStart(mm, RAM, RAM + PAGE_SIZE, "CLEAR", "test")),
  };
  const atEnd = () => {
    const inProgress = m.kvm.mmuInvalidateInProgress.peek();
    return inProgress === 0 ? undefined : `mmu_invalidate_in_progress is ${inProgress} at last`;
  };
  return verdict(explore(m, threads, { check: () => m.warnings[0], atEnd }));
}

const ordinary = "ordinary memslot";
const gmemOnly = "guest_memfd-only memslot over other memory";
const slotless = "no memslot";
const locks = gmemOnlySlotsInHvaRange("lock")(kvm72);
const locksAndAdds = gmemOnlySlotsInHvaRange("lock-and-range")(kvm72);
const countFirst: KvmBehaviour = { ...kvm73, gpcSequenceRaised: "after-count" };
const byInProgress: KvmBehaviour = { ...kvm72, gpcActiveCount: "mmu_invalidate_in_progress" };
const noWait: KvmBehaviour = { ...kvm72, swapAwaitsInvalidations: false };

/** What each reading of the invalidation protocol comes to: the case, what it is, its verdict, and what is explored. */
const verdicts: readonly (readonly [string, string, string, () => string])[] = [
  ["A", "7.2, a refresh in an ordinary memslot", "holds", () => refreshAgainstZap(kvm72, ordinary)],
  [
    "B",
    "7.2 and the RFC, in a gmem-only memslot",
    USED_AFTER_FREE,
    () => refreshAgainstZap(rfc(kvm72), gmemOnly),
  ],
  ["B", "7.2 without the RFC, there", "holds", () => refreshAgainstZap(kvm72, gmemOnly)],
  ["C", "7.2, in no memslot", USED_AFTER_FREE, () => refreshAgainstZap(kvm72, slotless)],
  ["D", "7.3, in no memslot", "holds", () => refreshAgainstZap(kvm73, slotless)],
  ["D2", "7.3 and the RFC, in a gmem-only memslot", "holds", () => refreshAgainstZap(rfc(kvm73), gmemOnly)],
  ["E", "7.2, gmem-only memslots only locked for", NO_RANGE, () => refreshAgainstZap(locks, gmemOnly, false)],
  ["E2", "so, beside another invalidation", `${NO_RANGE}; no warning`, lockedAgainstOther],
  ["E3", "7.2, they add their range, too", "holds", () => refreshAgainstZap(locksAndAdds, gmemOnly)],
  [
    "F",
    "7.3, the count down before the sequence up",
    USED_AFTER_FREE,
    () => refreshAgainstZap(countFirst, slotless),
  ],
  ["G", "7.2, a refresh by in_progress", USED_AFTER_FREE, () => refreshAgainstZap(byInProgress, ordinary)],
  ["I", "a memslot deleted without waiting", LEFT_BEHIND, () => updateAgainstNotifier(noWait, "delete")],
  ["I", "one created without waiting", ONE_TOO_MANY, () => updateAgainstNotifier(noWait, "create")],
  ["I", "a memslot deleted, 7.2", "holds", () => updateAgainstNotifier(kvm72, "delete")],
  ["I", "one created, 7.2", "holds", () => updateAgainstNotifier(kvm72, "create")],
  ["J", "7.2, a refresh against a hole", "holds", () => refreshAgainstHole(kvm72)],
  ["J", "7.2 and the RFC, so", USED_AFTER_FREE, () => refreshAgainstHole(rfc(kvm72))],
  ["J", "7.3 and the RFC, so", "holds", () => refreshAgainstHole(rfc(kvm73))],
];

test.each(verdicts)("%s: %s: %s", { timeout: 120_000 }, (_case, _what, expected, explored) => {
  expect(explored()).toBe(expected);
});
