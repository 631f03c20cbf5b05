import { nameFunctions } from "@kvmm/interleave";
import { type Hva, hex } from "@kvmm/mm-core";
import type { Kvm } from "../kvm.js";
import { type GfnToPfnCache, NO_PFN } from "./gfn-to-pfn-cache.js";

/** gfn_to_pfn_cache_invalidate_start(): caches whose page may be about to go are not valid any more. */
export function gpcInvalidateStart(kvm: Kvm, start: Hva, end: Hva): void {
  kvm.gpcLock.lock();
  for (const gpc of kvm.gpcList.get()) {
    gpc.lock.readLock();
    const affected = isAffected(gpc, start, end);
    gpc.lock.readUnlock();
    if (!affected) continue;
    gpc.lock.writeLock();
    // It may have changed while nobody held the lock.
    if (isAffected(gpc, start, end)) {
      gpc.valid.set(false);
      kvm.store.trace(
        "gfn_to_pfn_cache_invalidate_start",
        () => `the cache of pfn ${hex(gpc.pfn.peek())} is invalid now`,
      );
    }
    gpc.lock.writeUnlock();
  }
  kvm.gpcLock.unlock();
}

function isAffected(gpc: GfnToPfnCache, start: Hva, end: Hva): boolean {
  if (!gpc.valid.get() || gpc.pfn.get() === NO_PFN) return false;
  const uhva = gpc.uhva.get();
  return uhva >= start && uhva < end;
}

nameFunctions({
  gfn_to_pfn_cache_invalidate_start: gpcInvalidateStart,
});
