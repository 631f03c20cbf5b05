import type { Kvm } from "@kvmm/kvm-memslots";
import { MemoryCache } from "../table/memory-cache.js";

/**
 * A vCPU's or VM's cache of table pages. An empty one is a bug of whoever did not fill it: kvm_mmu_memory_cache_alloc()
 * warns, and takes a page from the atomic reserves.
 */
export class KvmMemoryCache extends MemoryCache {
  constructor(
    private readonly kvm: Kvm,
    name: string,
  ) {
    super(kvm.store, name);
  }

  override take(): boolean {
    if (!super.take()) {
      this.kvm.host.warn(
        "kvm_mmu_memory_cache_alloc",
        "a walk under mmu_lock finds its cache of table pages empty",
      );
    }
    return true;
  }
}
