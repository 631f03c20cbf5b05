/** The decisions of the page-table code (hyp/pgtable.c) that an undone fix takes otherwise. */
export interface PgtableBehaviour {
  /**
   * kvm_pgtable_stage2_wrprotect() at an entry that is not valid: goes on (KVM_PGTABLE_WALK_IGNORE_EAGAIN, since
   * ddcadb297ce5), or ends there, and leaves what follows writable.
   */
  readonly wrprotectAtHole: "go-on" | "end";
  /**
   * stage2_map_walker() where a table becomes a block: takes the table out by break-before-make, and frees it (since
   * 3c3736cd32bf), or writes the block over it.
   */
  readonly blockOverTable: "unlink" | "overwrite";
  /** Where a valid leaf gives way to another: is its reference to the table page dropped (5c646b7e1d8b), or kept? */
  readonly replacedLeafReference: "drop" | "keep";
  /** stage2_free_walker(): is a table left alone as long as entries remain in it (156f70afcfec), or freed? */
  readonly freeTableWithEntries: "keep" | "free";
}

/** The decisions of KVM/arm64's fault handling that differ between kernel versions, or that a patch may change. */
export interface Arm64Behaviour extends PgtableBehaviour {
  /**
   * user_mem_abort(): when mmu_invalidate_seq is sampled: before mmap_lock is let go, so that it also covers what was
   * learnt of the mapping (since 13ec9308a857), or after.
   */
  readonly sequenceSample: "under-mmap-lock" | "after-mmap-lock";
  /**
   * gmem_abort() on a permission fault: relaxes the entry (since 9be19df816de), or maps again, which changes nothing
   * and has the guest fault for ever.
   */
  readonly gmemPermissionFault: "relax" | "map";
  /**
   * user_mem_abort() on a permission fault relaxes the entry where it has the size that is wanted (since 7d894834a305), or
   * always but for writes that are logged.
   */
  readonly userPermissionFault: "by-granule" | "by-logging";
  /**
   * user_mem_abort() marks the page dirty once it is mapped, and takes -EAGAIN for another try (since 509552e65ae8); or
   * before it is mapped, and has KVM_RUN fail with it.
   */
  readonly dirtyMark: "after-mapping" | "before-mapping";
  /**
   * A permission fault of the guest's data keeps the entry executable only by relaxing it (since b757b47a2fcb), or maps
   * executable, without maintenance of the instruction cache, what replaces an executable entry of any size.
   */
  readonly execPermission: "of-this-entry" | "inherited";
  /** fault_supports_stage2_huge_mapping(): does it look at alignment and at the memslot's ends (6794ad5443a2, a80868f39855)? */
  readonly hugeMappingFit: "checked" | "unchecked";
  /** stage2_apply_range() lets go of mmu_lock after the largest block (5994bc9e05c2), or after an entry of the first level. */
  readonly applyRangeStep: "largest-block" | "first-level-entry";
  /**
   * kvm_unmap_gfn_range(): does it let go of mmu_lock on the way only where the notifier may block (since
   * b5331379bc62), or always?
   */
  readonly unmapResched: "where-blockable" | "always";
  /** kvm_is_write_fault() of a translation fault of the guest's own page-table walk: no (406504c7b040), or yes. */
  readonly walkTranslationFault: "read" | "write";
  /** user_mem_abort() of an exclusive or atomic access that the memory does not support: is the page put (e07fc9e2da91)? */
  readonly exclAtomicFault: "put-page" | "leak-page";
  /**
   * The permission faults of logged memory for which user_mem_abort() tops the cache of table pages up: writes, or all
   * (since 56fd1fc526e6, in 7.3).
   */
  readonly loggingTopup: "writes" | "all";
}

/** Linux 7.2 */
export const arm64v72: Arm64Behaviour = {
  wrprotectAtHole: "go-on",
  blockOverTable: "unlink",
  replacedLeafReference: "drop",
  freeTableWithEntries: "keep",
  sequenceSample: "under-mmap-lock",
  gmemPermissionFault: "relax",
  userPermissionFault: "by-granule",
  dirtyMark: "after-mapping",
  execPermission: "of-this-entry",
  hugeMappingFit: "checked",
  applyRangeStep: "largest-block",
  unmapResched: "where-blockable",
  walkTranslationFault: "read",
  exclAtomicFault: "put-page",
  loggingTopup: "writes",
};

/** Linux 7.3 */
export const arm64v73: Arm64Behaviour = { ...arm64v72, loggingTopup: "all" };
