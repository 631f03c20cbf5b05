import { Sparse, type Store } from "@kvmm/interleave";
import { PAGE_SIZE, pages } from "@kvmm/mm-core";
import type { Pa } from "../address.js";
import { pteExecutable } from "../descriptor/attributes.js";
import { VALID } from "../descriptor/layout.js";
import { pteToPhys } from "../descriptor/output-address.js";
import { forEachEntry } from "../dump/entries.js";
import type { CacheOps } from "../mm-ops.js";
import type { Stage2 } from "../stage2.js";

/**
 * Which pages' instructions KVM has invalidated in the caches (ghost state: no kernel keeps it). Data caches are not
 * looked at: the guest's and the host's view of memory is always one here.
 */
export class InstructionCache implements CacheOps {
  readonly #invalidated: Sparse;

  constructor(store: Store) {
    this.#invalidated = new Sparse(store, "pages whose instructions were invalidated");
  }

  cleanDcache(): void {}

  invalidateIcache(phys: Pa, size: number): void {
    const first = pages(phys);
    for (let pfn = first; pfn < first + size / PAGE_SIZE; pfn++) this.#invalidated.set(pfn, 1);
  }

  /** A page that the guest may execute and that was never invalidated, if there is one; not an access. */
  stale(pgt: Stage2): string | undefined {
    let found: string | undefined;
    forEachEntry(pgt, (level, ipa, lo, hi, child) => {
      if (found !== undefined || child !== null || (lo & VALID) === 0 || !pteExecutable(lo, hi)) return;
      const first = pages(pteToPhys(pgt.layout, lo, hi));
      for (let page = 0; page < pgt.geometry.sizes[level]! / PAGE_SIZE; page++) {
        if (this.#invalidated.at(first + page) !== 0) continue;
        const at = (ipa + page * PAGE_SIZE).toString(16);
        found = `the guest may execute 0x${at}, of which the instruction cache was not invalidated`;
        return;
      }
    });
    return found;
  }
}
