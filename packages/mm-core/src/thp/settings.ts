import { Cell, type Store } from "@kvmm/interleave";

/** Where faults on anonymous memory map huge pages: /sys/kernel/mm/transparent_hugepage/enabled. */
export type TransparentHugepage = "always" | "madvise" | "never";

/** Where shared memory (memfd, MAP_SHARED | MAP_ANONYMOUS) gets huge pages: .../transparent_hugepage/shmem_enabled. */
export type ShmemHugepage = "always" | "within_size" | "advise" | "never" | "deny" | "force";

/** What huge= of the mount of shared memory can be: `deny` and `force` leave it as it was. */
export type ShmemMountHuge = Exclude<ShmemHugepage, "deny" | "force">;

/** A word of the kernel's that is read without a lock, and that no path waits for: no scheduling point. */
class Setting<T> extends Cell<T> {
  override isPoint(): boolean {
    return false;
  }
}

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

  constructor(store: Store, enabled: TransparentHugepage) {
    this.enabled = new Setting<TransparentHugepage>(store, "transparent_hugepage/enabled", enabled);
    this.shmem = new Setting<ShmemHugepage>(store, "transparent_hugepage/shmem_enabled", "never");
    this.shmemMount = new Setting<ShmemMountHuge>(store, "huge= of shm_mnt", "never");
  }

  /** shmem_enabled_store() */
  setShmem(value: ShmemHugepage): void {
    this.shmem.set(value);
    if (value !== "deny" && value !== "force") this.shmemMount.set(value);
  }
}
