import { nameFunctions } from "@kvmm/interleave";
import type { Ipa } from "../address.js";
import { isTable } from "../walk/entry.js";
import { largestBlock, rangeAddrEnd } from "./apply-range.js";
import type { Arm64Mmu } from "./arm64-mmu.js";

/**
 * kvm_stage2_destroy(): frees the tables, in pieces of the largest block, so that others get the CPU in between. Nobody
 * else can reach them any more. Pieces in which there is no table are passed over: nothing is done there.
 */
export function destroyTables(mmu: Arm64Mmu): void {
  const { pgt } = mmu;
  const block = largestBlock(mmu);
  for (let addr = 0; addr < pgt.limit; ) {
    const hole = holeAt(mmu, addr);
    if (hole > block) {
      addr = rangeAddrEnd(addr, pgt.limit, hole);
      continue;
    }
    const next = rangeAddrEnd(addr, pgt.limit, block);
    pgt.destroyRange(addr as Ipa, next - addr);
    addr = next;
  }
  pgt.destroyPgd();
}

/** The size of the entry that ends the walk here, if it holds nothing; otherwise 0. */
function holeAt({ pgt }: Arm64Mmu, addr: number): number {
  const { geometry, startLevel } = pgt;
  const size = geometry.sizes[startLevel]!;
  const page = pgt.pgd.peek();
  if (page === null) return 0;
  const first = Math.floor(addr / pgt.pgdPageSize) << geometry.ptrsShift;
  const lo = page.peekWords()[2 * (first + (Math.floor(addr / size) & (geometry.ptrsPerPte - 1)))]!;
  return isTable(lo, startLevel) ? 0 : size;
}

nameFunctions({
  kvm_stage2_destroy: destroyTables,
});
