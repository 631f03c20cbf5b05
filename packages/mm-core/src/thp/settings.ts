import type { Cell, Store } from "@kvmm/interleave";
import { PMD_PAGES } from "../addresses.js";
import { Setting } from "../setting.js";

/** Where faults on anonymous memory map huge pages: /sys/kernel/mm/transparent_hugepage/enabled. */
export type TransparentHugepage = "always" | "madvise" | "never";

/** Where shared memory (memfd, MAP_SHARED | MAP_ANONYMOUS) gets huge pages: .../transparent_hugepage/shmem_enabled. */
export type ShmemHugepage = "always" | "within_size" | "advise" | "never" | "deny" | "force";

/** What huge= of the mount of shared memory can be: `deny` and `force` leave it as it was. */
export type ShmemMountHuge = Exclude<ShmemHugepage, "deny" | "force">;

/**
 * The switches of transparent huge pages. Those of each size (hugepages-*kB) have their defaults: 2 MiB as the switches
 * for all say (`inherit`), no other size.
 */
export class ThpSettings {
  readonly enabled: Cell<TransparentHugepage>;
  /** shmem_huge */
  readonly shmem: Cell<ShmemHugepage>;
  /** SHMEM_SB(shm_mnt->mnt_sb)->huge */
  readonly shmemMount: Cell<ShmemMountHuge>;

  /** khugepaged/max_ptes_none: pages of 512 that may be missing, or the zero page, in what khugepaged makes huge. */
  readonly maxPtesNone: Cell<number>;
  /** khugepaged/max_ptes_swap: those that may be in swap. */
  readonly maxPtesSwap: Cell<number>;
  /** khugepaged/max_ptes_shared: those that other processes may map too. */
  readonly maxPtesShared: Cell<number>;

  constructor(store: Store, enabled: TransparentHugepage) {
    this.maxPtesNone = new Setting<number>(store, "khugepaged_max_ptes_none", PMD_PAGES - 1);
    this.maxPtesSwap = new Setting<number>(store, "khugepaged_max_ptes_swap", PMD_PAGES / 8);
    this.maxPtesShared = new Setting<number>(store, "khugepaged_max_ptes_shared", PMD_PAGES / 2);
    this.enabled = new Setting<TransparentHugepage>(store, "transparent_hugepage/enabled", enabled);
    this.shmem = new Setting<ShmemHugepage>(store, "transparent_hugepage/shmem_enabled", "never");
    this.shmemMount = new Setting<ShmemMountHuge>(store, "huge= of shm_mnt", "never");
  }

  /** hugepage_enabled(): is khugepaged there at all? */
  get runsKhugepaged(): boolean {
    const shmem = this.shmem.get();
    return this.enabled.get() !== "never" || (shmem !== "never" && shmem !== "deny");
  }

  /** shmem_enabled_store() */
  setShmem(value: ShmemHugepage): void {
    this.shmem.set(value);
    if (value !== "deny" && value !== "force") this.shmemMount.set(value);
  }
}
