import { add, nameFunctions } from "@kvmm/interleave";
import type { OpenFile } from "@kvmm/mm-core";
import type { Kvm } from "./kvm.js";
import { freeMemslot } from "./slots/free-memslot.js";

/** kvm_put_kvm(): the last reference destroys the VM. */
export function putKvm(kvm: Kvm): void {
  if (add(kvm.usersCount, -1) === 0) destroyVm(kvm);
}

/**
 * kvm_destroy_vm(). Notifiers that are being called at this moment are not waited for: mm-core has no SRCU for its
 * list of listeners.
 */
function destroyVm(kvm: Kvm): void {
  const fn = "kvm_destroy_vm";
  kvm.module.vms.update((all) => all.filter((other) => other !== kvm));
  kvm.release();
  kvm.mm.notifiers.update((all) => all.filter((notifier) => notifier !== kvm));

  kvm.mnInvalidateLock.lock();
  const active = kvm.mnActiveInvalidateCount.get();
  // Unregistered between a start and its end: the end will never come.
  if (active !== 0) kvm.mnActiveInvalidateCount.set(0);
  kvm.mnInvalidateLock.unlock();
  if (active === 0) {
    kvm.mmuLock.writeLock();
    const inProgress = kvm.mmuInvalidateInProgress.get();
    kvm.mmuLock.writeUnlock();
    if (inProgress !== 0) kvm.host.warn(fn, "an invalidation is in progress while no notifier is active");
  }
  const puts: OpenFile[] = [];
  for (let asId = 0; asId < kvm.mmu.traits.addressSpaces; asId++) {
    for (const slot of kvm.memslots(asId).gfnTree.overlapping(0, Number.MAX_SAFE_INTEGER))
      freeMemslot(kvm, slot, puts);
  }
  for (const file of puts) file.put();
  kvm.store.trace(fn, () => `${kvm.name} is gone`);
}

nameFunctions({
  kvm_put_kvm: putKvm,
  kvm_destroy_vm: destroyVm,
});
