import { nameFunctions } from "@kvmm/interleave";
import { PMD_SIZE, PUD_SIZE } from "@kvmm/mm-core";
import type { Ipa } from "../address.js";
import { EINVAL } from "../errno.js";
import { rangeAddrEnd } from "./apply-range.js";
import type { Arm64Mmu } from "./arm64-mmu.js";

/**
 * kvm_mmu_split_huge_pages(): eager splitting. Replaces the blocks of a range by pages, a chunk at a time; lets go of
 * mmu_lock where the cache of table pages has to be filled up. Under mmu_lock, held for writing. Does its best: what cannot
 * be split is split by the fault that needs it.
 */
export function splitHugePages(mmu: Arm64Mmu, start: Ipa, end: Ipa): number {
  const { kvm, pgt, splitPageCache: cache } = mmu;
  const chunkSize = mmu.splitPageChunkSize.get();
  if (chunkSize === 0) return 0;
  const tables = splitNrPageTables(chunkSize);
  for (let addr: number = start; addr < end; ) {
    if (cache.nobjs < tables) {
      kvm.mmuLock.writeUnlock();
      cache.topup(tables, tables);
      kvm.mmuLock.writeLock();
    }
    if (!mmu.hasTables.get()) return -EINVAL;
    const next = rangeAddrEnd(addr, end, chunkSize);
    const ret = pgt.split(addr as Ipa, next - addr, cache);
    if (ret !== 0) return ret;
    addr = next;
  }
  return 0;
}

/** kvm_mmu_split_nr_page_tables(): tables to map a range by pages, whatever blocks it is made of now. */
function splitNrPageTables(range: number): number {
  return Math.ceil(range / PUD_SIZE) + Math.ceil(range / PMD_SIZE);
}

nameFunctions({
  kvm_mmu_split_huge_pages: splitHugePages,
});
