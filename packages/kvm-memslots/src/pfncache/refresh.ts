import { AGAIN, nameFunctions, repeat } from "@kvmm/interleave";
import {
  folioMarkAccessed,
  type Hva,
  hex,
  isRefusal,
  PAGE_SIZE,
  type Pfn,
  pageAlignDown,
  type Result,
  refuse,
  type Task,
} from "@kvmm/mm-core";
import { INVALID_GPA, KVM_HVA_ERR_BAD } from "../flags.js";
import type { Kvm } from "../kvm.js";
import { hvaToPfn } from "../mmu/faultin.js";
import { gfnToHva } from "../mmu/gfn-to-hva.js";
import { type GfnToPfnCache, NO_PFN } from "./gfn-to-pfn-cache.js";

/** kvm_gpc_is_valid_len(): an access must not leave the page. */
export function gpcIsValidLength(gpa: number, uhva: Hva, length: number): boolean {
  return ((gpa === INVALID_GPA ? uhva : gpa) % PAGE_SIZE) + length <= PAGE_SIZE;
}

/** kvm_gpc_refresh(): looks the page up again, if it has to. Under kvm->srcu. */
export function gpcRefresh(task: Task, gpc: GfnToPfnCache, length: number): Result<0> {
  gpc.refreshLock.lock();
  const gpa = gpc.gpa.get();
  const uhva = gpc.uhva.get();
  const result = gpcIsValidLength(gpa, uhva, length)
    ? gpcRefreshLocked(task, gpc, gpa, gpa === INVALID_GPA ? uhva : KVM_HVA_ERR_BAD)
    : refuse("EINVAL", "kvm_gpc_refresh", `${length} bytes from ${hex(gpa)} on leave the page`, "one page");
  gpc.refreshLock.unlock();
  return result;
}

/** __kvm_gpc_refresh(): for a gpa or for a uhva, of which the other is none. Under gpc->refresh_lock. */
export function gpcRefreshLocked(task: Task, gpc: GfnToPfnCache, gpa: number, uhva: Hva): Result<0> {
  const fn = "__kvm_gpc_refresh";
  gpc.lock.writeLock();
  if (gpc.kvm.behaviour.inactiveGpc === "refuse" && !gpc.active.get()) {
    gpc.lock.writeUnlock();
    return refuse("EINVAL", fn, "the cache is not active", "kvm_gpc_activate() first");
  }
  const oldUhva = pageAlignDown(gpc.uhva.get());
  const resolved = gpa === INVALID_GPA ? takeUhva(gpc, uhva) : takeGpa(gpc, gpa, oldUhva);
  let failed: Result<0> = 0;
  if (isRefusal(resolved)) failed = resolved;
  else {
    const offset = (gpa === INVALID_GPA ? uhva : gpa) % PAGE_SIZE;
    gpc.uhva.set(resolved + offset);
    if (gpc.valid.get() && resolved === oldUhva) {
      // The page is still the right one; where in it may have changed.
      gpc.khva.set(pageAlignDown(gpc.khva.get()) + offset);
      gpc.lock.writeUnlock();
      return 0;
    }
    failed = hvaToPfnRetry(task, gpc);
  }
  if (isRefusal(failed)) {
    gpc.valid.set(false);
    gpc.pfn.set(NO_PFN);
    gpc.khva.set(0);
  }
  gpc.lock.writeUnlock();
  return failed;
}

function takeUhva(gpc: GfnToPfnCache, uhva: Hva): Hva {
  gpc.gpa.set(INVALID_GPA);
  gpc.memslot.set(null);
  return pageAlignDown(uhva);
}

/** The user address of a gpa; looked up again when the memslots have changed. */
function takeGpa(gpc: GfnToPfnCache, gpa: number, oldUhva: Hva): Result<Hva> {
  const slots = gpc.kvm.memslots();
  const generation = slots.generation.get();
  const known =
    gpc.gpa.get() === gpa && gpc.generation.get() === generation && gpc.uhva.get() !== KVM_HVA_ERR_BAD;
  if (known) return oldUhva;
  const gfn = Math.floor(gpa / PAGE_SIZE);
  const slot = slots.byGfn(gfn) ?? null;
  gpc.gpa.set(gpa);
  gpc.generation.set(generation);
  gpc.memslot.set(slot);
  const uhva = gfnToHva(slot, gfn, true);
  if (typeof uhva === "number") return uhva;
  gpc.uhva.set(KVM_HVA_ERR_BAD);
  const why =
    slot === null ? `no memslot at ${hex(gpa)}` : `${slot} is ${slot.isInvalid ? "invalid" : "read-only"}`;
  return refuse("EFAULT", "__kvm_gpc_refresh", why, "a gpa of a memslot that may be written");
}

/**
 * hva_to_pfn_retry(): looks the page up without gpc->lock, and again as long as it may have been taken away since.
 * Under gpc->lock held for writing, which it drops in between.
 */
function hvaToPfnRetry(task: Task, gpc: GfnToPfnCache): Result<0> {
  const fn = "hva_to_pfn_retry";
  const { kvm } = gpc;
  const { frames } = kvm.host;
  const uhva = gpc.uhva.get();
  // Before the lock goes: the address is the new one already, and a check of another task would let the page pass.
  gpc.valid.set(false);
  const page = repeat(kvm.store, fn, (): Pfn | null | typeof AGAIN => {
    const seq = gpcSequence(kvm);
    gpc.lock.writeUnlock();
    const found = hvaToPfn(kvm, task, { hva: uhva, write: true, upgrade: false });
    gpc.lock.writeLock();
    if (typeof found === "string") return null;
    if (gpc.valid.get()) kvm.host.warn(fn, "somebody else has refreshed the cache");
    if (!mmuNotifierRetryCache(kvm, seq)) return found.pfn;
    kvm.store.trace(fn, () => `pfn ${hex(found.pfn)} may be gone already: once more`);
    frames.put(found.pfn);
    return AGAIN;
  });
  if (page === null)
    return refuse(
      "EFAULT",
      fn,
      `no page at ${hex(uhva)} that may be written`,
      "a user address with writable memory",
    );
  gpc.valid.set(true);
  gpc.pfn.set(page);
  gpc.khva.set(page * PAGE_SIZE + (uhva % PAGE_SIZE));
  // From here on it is the notifier that keeps the cache from using the page after it was freed.
  folioMarkAccessed(kvm.host, page);
  frames.put(page);
  kvm.store.trace(fn, () => `the cache holds pfn ${hex(page)}`);
  return 0;
}

/** The sequence that tells of an invalidation that came and went. */
function gpcSequence(kvm: Kvm): number {
  return (
    kvm.behaviour.gpcSequence === "gpc_invalidate_seq" ? kvm.gpcInvalidateSeq : kvm.mmuInvalidateSeq
  ).get();
}

/** mmu_notifier_retry_cache(): may a page looked up since `seq` be gone? Takes no lock; the count is read first. */
export function mmuNotifierRetryCache(kvm: Kvm, seq: number): boolean {
  const { gpcActiveCount } = kvm.behaviour;
  const active =
    gpcActiveCount === "mn_active_invalidate_count"
      ? kvm.mnActiveInvalidateCount
      : kvm.mmuInvalidateInProgress;
  return active.get() !== 0 || gpcSequence(kvm) !== seq;
}

nameFunctions({
  kvm_gpc_refresh: gpcRefresh,
  __kvm_gpc_refresh: gpcRefreshLocked,
  hva_to_pfn_retry: hvaToPfnRetry,
  mmu_notifier_retry_cache: mmuNotifierRetryCache,
});
