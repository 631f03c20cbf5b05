import { AGAIN, nameFunctions, repeat } from "@kvmm/interleave";
import type { Kvm } from "../kvm.js";
import type { Memslot } from "./memslot.js";

/** KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS: no generation of a set that is settled has it. */
export const GEN_UPDATE_IN_PROGRESS = 2 ** 52;

/**
 * kvm_swap_active_memslots(): publishes the inactive set, once no invalidation is between its start and its end, and
 * waits until nobody can see the old one. Under slots_lock and slots_arch_lock, of which it releases the latter.
 */
export function swapActiveMemslots(kvm: Kvm, asId: number): void {
  const fn = "kvm_swap_active_memslots";
  const active = kvm.memslots(asId);
  const slots = kvm.inactiveMemslots(asId);
  const generation = active.generation.get();
  if (generation >= GEN_UPDATE_IN_PROGRESS) kvm.host.warn(fn, "the active memslots are being updated");
  slots.generation.set(generation + GEN_UPDATE_IN_PROGRESS);

  const { mnInvalidateLock, mnMemslotsUpdateRcuwait } = kvm;
  repeat(kvm.store, fn, () => {
    mnInvalidateLock.lock();
    mnMemslotsUpdateRcuwait.prepare();
    if (!kvm.behaviour.swapAwaitsInvalidations || kvm.mnActiveInvalidateCount.get() === 0) return;
    mnInvalidateLock.unlock();
    mnMemslotsUpdateRcuwait.sleep();
    return AGAIN;
  });
  mnMemslotsUpdateRcuwait.finish();
  kvm.publish(slots);
  mnInvalidateLock.unlock();

  // Whoever waits for slots_arch_lock may be the SRCU reader that is waited for.
  kvm.slotsArchLock.unlock();
  kvm.srcu.synchronize();

  const { addressSpaces } = kvm.mmu.traits;
  slots.generation.set(generation + addressSpaces);
  kvm.store.trace(
    fn,
    () => `the other set of memslots is active now, generation ${generation + addressSpaces}`,
  );
}

/**
 * kvm_activate_memslot(): publishes the inactive set, in which `now` already stands for `old`, and brings the other
 * set up to date.
 */
export function activateMemslot(kvm: Kvm, old: Memslot | null, now: Memslot | null): void {
  const { asId } = (old ?? now)!;
  swapActiveMemslots(kvm, asId);
  kvm.inactiveMemslots(asId).replace(old, now);
}

nameFunctions({
  kvm_swap_active_memslots: swapActiveMemslots,
  kvm_activate_memslot: activateMemslot,
});
