import { AGAIN, repeat } from "@kvmm/interleave";
import { isRefusal, PAGE_SIZE, type Result, type Task } from "@kvmm/mm-core";
import { markPageDirtyInSlot } from "../dirty/mark-page-dirty.js";
import { INVALID_GPA, KVM_HVA_ERR_BAD } from "../flags.js";
import { useFrame } from "../use-after-free.js";
import type { GfnToPfnCache } from "./gfn-to-pfn-cache.js";
import { gpcIsValidLength, gpcRefresh } from "./refresh.js";

/** kvm_gpc_check(): may the cached page be used? Under gpc->lock and kvm->srcu. */
export function gpcCheck(gpc: GfnToPfnCache, length: number): boolean {
  if (!gpc.active.get()) return false;
  const gpa = gpc.gpa.get();
  if (gpa !== INVALID_GPA && gpc.generation.get() !== gpc.kvm.memslots().generation.get()) return false;
  const uhva = gpc.uhva.get();
  return uhva !== KVM_HVA_ERR_BAD && gpcIsValidLength(gpa, uhva, length) && gpc.valid.get();
}

/**
 * What every user of a cache does: checks it under gpc->lock, refreshes it until the check holds, and writes.
 * @throws UseAfterFree if the page is free by then
 */
export function gpcWrite(task: Task, gpc: GfnToPfnCache, length: number, value: number): Result<0> {
  return useCache(task, gpc, length, (pfn) => {
    gpc.kvm.host.frames.word.set(pfn, value);
    const gpa = gpc.gpa.get();
    // kvm_gpc_mark_dirty_in_slot()
    if (gpa !== INVALID_GPA) markPageDirtyInSlot(gpc.memslot.get(), Math.floor(gpa / PAGE_SIZE));
    return 0;
  });
}

/** So, but it reads. @returns the page's word */
export function gpcRead(task: Task, gpc: GfnToPfnCache, length: number): Result<number> {
  return useCache(task, gpc, length, (pfn) => gpc.kvm.host.frames.word.get(pfn));
}

function useCache<T extends number>(
  task: Task,
  gpc: GfnToPfnCache,
  length: number,
  use: (pfn: number) => T,
): Result<T> {
  const { kvm } = gpc;
  const idx = kvm.srcu.readLock();
  const result = repeat(kvm.store, "user of a pfncache", (): Result<T> | typeof AGAIN => {
    gpc.lock.readLock();
    if (gpcCheck(gpc, length)) {
      const pfn = Math.floor(gpc.khva.get() / PAGE_SIZE);
      useFrame(kvm.host, pfn, "a pfncache");
      const used = use(pfn);
      gpc.lock.readUnlock();
      return used;
    }
    gpc.lock.readUnlock();
    const refreshed = gpcRefresh(task, gpc, length);
    return isRefusal(refreshed) ? refreshed : AGAIN;
  });
  kvm.srcu.readUnlock(idx);
  return result;
}
