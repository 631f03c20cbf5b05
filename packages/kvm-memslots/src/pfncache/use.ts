import { AGAIN, nameFunctions, repeat } from "@kvmm/interleave";
import { isRefusal, PAGE_SIZE, type Refusal, type Result, refuse, type Task } from "@kvmm/mm-core";
import { markPageDirtyInSlot } from "../dirty/mark-page-dirty.js";
import { INVALID_GPA, KVM_HVA_ERR_BAD } from "../flags.js";
import { useFrame } from "../use-after-free.js";
import type { GfnToPfnCache } from "./gfn-to-pfn-cache.js";
import { gpcIsValidLength, gpcRefresh } from "./refresh.js";

/** kvm_gpc_check(): may the cached page be used? Under gpc->lock and kvm->srcu. */
export function gpcCheck(gpc: GfnToPfnCache, length: number): boolean {
  if (gpc.kvm.behaviour.inactiveGpc === "refuse" && !gpc.active.get()) return false;
  const gpa = gpc.gpa.get();
  if (gpa !== INVALID_GPA && gpc.generation.get() !== gpc.kvm.memslots().generation.get()) return false;
  const uhva = gpc.uhva.get();
  return uhva !== KVM_HVA_ERR_BAD && gpcIsValidLength(gpa, uhva, length) && gpc.valid.get();
}

/** So, with gpc->lock taken for it. Under kvm->srcu. */
export function gpcCheckLocked(gpc: GfnToPfnCache, length: number): boolean {
  gpc.lock.readLock();
  const usable = gpcCheck(gpc, length);
  gpc.lock.readUnlock();
  return usable;
}

/** What a user that must not sleep does: writes if the cache can be used, and gives up if not. Under kvm->srcu. */
export function gpcWriteIfValid(gpc: GfnToPfnCache, length: number, value: number): Result<0> {
  return useIfValid(gpc, length, (pfn) => write(gpc, pfn, value)) ?? notValid();
}

/** So, but it reads. @returns the page's word */
export function gpcReadIfValid(gpc: GfnToPfnCache, length: number): Result<number> {
  return useIfValid(gpc, length, (pfn) => gpc.kvm.host.frames.word.get(pfn)) ?? notValid();
}

/**
 * What every user of a cache does that may sleep: checks it under gpc->lock, refreshes it until the check holds, and
 * writes.
 * @throws UseAfterFree if the page is free by then
 */
export function gpcWrite(task: Task, gpc: GfnToPfnCache, length: number, value: number): Result<0> {
  return useCache(task, gpc, length, (pfn) => write(gpc, pfn, value));
}

/** So, but it reads. @returns the page's word */
export function gpcRead(task: Task, gpc: GfnToPfnCache, length: number): Result<number> {
  return useCache(task, gpc, length, (pfn) => gpc.kvm.host.frames.word.get(pfn));
}

function write(gpc: GfnToPfnCache, pfn: number, value: number): 0 {
  gpc.kvm.host.frames.word.set(pfn, value);
  const gpa = gpc.gpa.get();
  // kvm_gpc_mark_dirty_in_slot()
  if (gpa !== INVALID_GPA) markPageDirtyInSlot(gpc.memslot.get(), Math.floor(gpa / PAGE_SIZE));
  return 0;
}

function notValid(): Refusal {
  return refuse("EAGAIN", "kvm_gpc_check", "the cache is not valid", "kvm_gpc_refresh() first");
}

/** @returns null where the cache cannot be used as it is */
function useIfValid<T extends number>(gpc: GfnToPfnCache, length: number, use: (pfn: number) => T): T | null {
  gpc.lock.readLock();
  let used: T | null = null;
  if (gpcCheck(gpc, length)) {
    const pfn = Math.floor(gpc.khva.get() / PAGE_SIZE);
    useFrame(gpc.kvm.host, pfn, "a pfncache");
    used = use(pfn);
  }
  gpc.lock.readUnlock();
  return used;
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
    const used = useIfValid(gpc, length, use);
    if (used !== null) return used;
    const refreshed = gpcRefresh(task, gpc, length);
    return isRefusal(refreshed) ? refreshed : AGAIN;
  });
  kvm.srcu.readUnlock(idx);
  return result;
}

nameFunctions({
  kvm_gpc_check: gpcCheck,
});
