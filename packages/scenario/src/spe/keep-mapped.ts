import { Arm64Mmu, type Ipa, type Pa, Prot } from "@kvmm/arm64-stage2";
import { type Gfn, guestAccess, mmuInvalidateRetry } from "@kvmm/kvm-memslots";
import { getUserPage, NotModelled, PAGE_SIZE, type Pfn, pages, unpinUserPage } from "@kvmm/mm-core";
import type { World } from "../run/world.js";
import type { SpeMemory } from "./guest-memory.js";
import type { SpePolicy } from "./spe-policy.js";

/** Whether a policy is about that kind of memory. */
export function policyFits(policy: SpePolicy, memory: SpeMemory): boolean {
  if (policy === "none") return true;
  return (policy === "gmem-prefault") === (memory === "gmem");
}

/** What a policy does once the memslots are there and no vCPU has run. @returns the frames that it pinned */
export function keepMappedBeforeRun(world: World, policy: SpePolicy): readonly Pfn[] {
  if (policy === "lock-memslot") {
    return ownSlots(world).flatMap(({ baseGfn, npages }) => pinAndMap(world, baseGfn, npages));
  }
  if (policy === "gmem-prefault") {
    for (const { baseGfn, npages } of ownSlots(world)) preFault(world, baseGfn, npages);
  }
  return [];
}

/** What a policy does when the guest enables its buffer. @returns the frames that it pinned */
export function keepMappedOnEnable(
  world: World,
  policy: SpePolicy,
  gpa: number,
  size: number,
): readonly Pfn[] {
  if (policy !== "pin-on-enable") return [];
  const start = pages(gpa) as Gfn;
  const pinned = pinAndMap(world, start, pages(size));
  setPinned(world, start, (start + pages(size)) as Gfn);
  return pinned;
}

/** Gives back what was pinned; stage 2 stays as it is. */
export function unpin(world: World, pinned: readonly Pfn[]): void {
  for (const pfn of pinned) unpinUserPage(world.host.frames, pfn);
  const { mmu, mmuLock } = world.kvm;
  if (!(mmu instanceof Arm64Mmu)) return;
  mmuLock.writeLock();
  mmu.pinned.set(null);
  mmuLock.writeUnlock();
}

function setPinned(world: World, start: Gfn, end: Gfn): void {
  const { mmuLock } = world.kvm;
  mmuLock.writeLock();
  mmuOf(world).pinned.set({ start, end });
  mmuLock.writeUnlock();
}

function mmuOf({ kvm: { mmu } }: World): Arm64Mmu {
  if (!(mmu instanceof Arm64Mmu)) throw new NotModelled("SPE on x86");
  return mmu;
}

/** The memslots that are the scenario's own. */
function ownSlots(world: World) {
  return world.kvm
    .peekMemslots()
    .peek()
    .filter(({ slotId }) => !world.predefined.has(slotId));
}

/**
 * lock_memslot() of the series' version 4, of a range: pins the pages that user space maps there, for long and to be
 * written, and maps each at stage 2, unless an invalidation came in between.
 */
function pinAndMap(world: World, start: Gfn, count: number): readonly Pfn[] {
  const { kvm, vmm, vcpu } = world;
  const mmu = mmuOf(world);
  const cache = mmu.cacheOf(vcpu);
  const pinned: Pfn[] = [];
  for (let gfn = start; gfn < start + count; gfn++) {
    const slot = kvm.gfnToMemslot(gfn);
    if (slot === null) throw new NotModelled(`a profiling buffer outside of all memslots: gfn ${gfn}`);
    if (slot.hasGmem) throw new NotModelled("pinning memory that comes only from guest_memfd");
    const seq = kvm.mmuInvalidateSeq.get();
    const hva = slot.userspaceAddr + (gfn - slot.baseGfn) * PAGE_SIZE;
    const pfn = getUserPage(vmm, hva, { write: true, pin: true, longterm: true });
    if (typeof pfn === "string") throw new NotModelled(`a buffer that cannot be pinned: ${pfn}`);
    pinned.push(pfn);
    cache.topup(mmu.cacheMinPages);
    kvm.mmuLock.writeLock();
    if (mmuInvalidateRetry(kvm, seq)) throw new NotModelled("an invalidation while memory is pinned");
    mmu.pgt.map((gfn * PAGE_SIZE) as Ipa, PAGE_SIZE, (pfn * PAGE_SIZE) as Pa, Prot.RW, cache, 0);
    kvm.mmuLock.writeUnlock();
  }
  return pinned;
}

/** KVM_PRE_FAULT_MEMORY, as the series wants it on arm64: each page as a read of the guest would map it. */
function preFault(world: World, start: Gfn, count: number): void {
  for (let gfn = start; gfn < start + count; gfn++) guestAccess(world.vcpu, gfn * PAGE_SIZE, "read");
}
