import { add, nameFunctions } from "@kvmm/interleave";
import { isRefusal, type OpenFile, type Refusal, type Task } from "@kvmm/mm-core";
import { KVM_MEMSLOT_INVALID } from "../flags.js";
import { gmemBindCommit } from "../guest-memfd/bind.js";
import type { Kvm } from "../kvm.js";
import type { MemoryRegionChange } from "../mmu/secondary-mmu.js";
import { freeMemslot } from "./free-memslot.js";
import { Memslot } from "./memslot.js";
import { activateMemslot, swapActiveMemslots } from "./swap.js";

/**
 * kvm_set_memslot(): carries a change out, under slots_lock. A memslot that is deleted or moved is first published as
 * invalid, and its mappings are removed, so that a vCPU never has a mapping without its memslot.
 * @param bound the guest_memfd to which `now` is bound, where the binding is completed here (7.3)
 * @param puts takes files for the caller to put once it holds no locks
 */
export function setMemslot(
  kvm: Kvm,
  task: Task,
  old: Memslot | null,
  now: Memslot | null,
  change: MemoryRegionChange,
  bound: OpenFile | null,
  puts: OpenFile[],
): Refusal | undefined {
  const fn = "kvm_set_memslot";
  kvm.slotsArchLock.lock();
  const invalid = change === "delete" || change === "move" ? invalidateMemslot(kvm, old!) : null;

  const refusal = prepareMemoryRegion(kvm, task, old, now, change, bound);
  if (isRefusal(refusal)) {
    // The old memslot is still as it was in the inactive set.
    if (invalid !== null) activateMemslot(kvm, invalid, old);
    else kvm.slotsArchLock.unlock();
    kvm.store.trace(fn, () => `${change} of ${old ?? now} undone`);
    return refusal;
  }

  const asId = (old ?? now)!.asId;
  kvm.inactiveMemslots(asId).replace(old, now);
  activateMemslot(kvm, invalid ?? old, now);
  kvm.store.trace(fn, () => `${change} of ${old ?? now} done`);
  commitMemoryRegion(kvm, old, now, change, puts);
  return undefined;
}

/** kvm_invalidate_memslot(): publishes the memslot as invalid, and removes what it maps. */
function invalidateMemslot(kvm: Kvm, old: Memslot): Memslot {
  const { store } = kvm;
  // A copy without the binding: kvm_copy_memslot() leaves guest_memfd's part out.
  const invalid = store.create(
    () =>
      new Memslot(store, {
        asId: old.asId,
        slotId: old.slotId,
        baseGfn: old.baseGfn,
        npages: old.npages,
        userspaceAddr: old.userspaceAddr,
        flags: old.flags | KVM_MEMSLOT_INVALID,
        dirtyBitmap: old.dirtyBitmap,
        gmemPgoff: 0,
      }),
  );
  kvm.inactiveMemslots(old.asId).replace(old, invalid);
  swapActiveMemslots(kvm, old.asId);
  store.trace("kvm_invalidate_memslot", () => `${old} is invalid now, and everything it maps is removed`);
  kvm.mmu.flushShadowMemslot(old);
  kvm.mmu.guestMemoryReclaimed();
  kvm.slotsArchLock.lock();
  return invalid;
}

/** kvm_prepare_memory_region(); with it 7.3 completes the binding to a guest_memfd. */
function prepareMemoryRegion(
  kvm: Kvm,
  task: Task,
  old: Memslot | null,
  now: Memslot | null,
  change: MemoryRegionChange,
  bound: OpenFile | null,
): Refusal | undefined {
  const refusal = kvm.mmu.prepareMemoryRegion(task, old, now, change);
  if (isRefusal(refusal) || bound === null) return refusal;
  return gmemBindCommit(now!, bound);
}

/** kvm_commit_memory_region(): what follows once the change is visible. */
function commitMemoryRegion(
  kvm: Kvm,
  old: Memslot | null,
  now: Memslot | null,
  change: MemoryRegionChange,
  puts: OpenFile[],
): void {
  const fn = "kvm_commit_memory_region";
  if (change === "delete") add(kvm.nrMemslotPages, -old!.npages);
  else if (change === "create") add(kvm.nrMemslotPages, now!.npages);
  const logged = Number(now?.tracksDirty === true) - Number(old?.tracksDirty === true);
  if (logged !== 0) add(kvm.nrMemslotsDirtyLogging, logged);
  kvm.mmu.commitMemoryRegion(old, now, change);
  if (change === "delete") freeMemslot(kvm, old!, puts);
  else if (old?.hasGmem) kvm.host.warn(fn, `${change} of a memslot with guest_memfd`);
}

nameFunctions({
  kvm_set_memslot: setMemslot,
  kvm_invalidate_memslot: invalidateMemslot,
  kvm_prepare_memory_region: prepareMemoryRegion,
  kvm_commit_memory_region: commitMemoryRegion,
});
