/** A bug of KVM or mm that was fixed upstream, and why the model has no patch that takes the fix back. */
export interface UnmodelledBug {
  /** The fix. */
  readonly commit: string;
  readonly year: number;
  /** The subject of the commit. */
  readonly subject: string;
  /** What the model lacks. */
  readonly why: string;
}

const MTE = "MTE's tags are not modelled";
const NESTED = "nested virtualisation is not modelled";
const PKVM = "protected KVM and the host's own stage 2 are not modelled";
const RING = "dirty rings are not modelled";
const X86 = "x86 has a plain secondary MMU here, not its own page tables and emulator";

/** Bugs that were looked at and cannot be undone; those that can are patches by the name of `undo-COMMIT`. */
export const unmodelledBugs: readonly UnmodelledBug[] = [
  bug(
    "1559b7583ff6",
    2019,
    "KVM: arm/arm64: Re-check VMA on detecting a poisoned page",
    "a VMA that was freed is not told from one that is there, so that its use goes unnoticed",
  ),
  bug("8c2e8ac8ad4b", 2023, "KVM: arm64: Check for kvm_vma_mte_allowed in the critical section", MTE),
  bug("244acf1976b8", 2026, "KVM: arm64: Fix vma_shift staleness on nested hwpoison path", NESTED),
  bug(
    "e86fc1a3a3e9",
    2023,
    "KVM: arm64: Disable interrupts while walking userspace PTs",
    "a table of the host that was freed is not told from one that is there, so that its use goes unnoticed",
  ),
  bug("3c164eb9464d", 2024, "KVM: arm64: nv: Do not block when unmapping stage-2 if disallowed", NESTED),
  bug("a955cad84cda", 2021, "KVM: x86/mmu: Retry page fault if root is invalidated by memslot update", X86),
  bug("47b0c2e4c220", 2022, "KVM: x86/mmu: Fix race condition in direct_page_fault", X86),
  bug(
    "8b3405e345b5",
    2017,
    "kvm: arm/arm64: Fix locking for kvm_free_stage2_pgd",
    "no decision point yet: the walk of 2017 kept its pointer to tables while it let go of mmu_lock",
  ),
  bug("4c74e233cded", 2026, "KVM: arm64: nv: Fix null ptr deref on nested wp/unmap, teardown race", NESTED),
  bug(
    "e3ba51ab24fd",
    2024,
    "arm64: tlb: Fix TLBI RANGE operand",
    "a range invalidation covers what it names: the operand's bits are not modelled",
  ),
  bug(
    "f587661f21eb",
    2022,
    "KVM: arm64: Don't split hugepages outside of MMU write lock",
    "no decision point yet: the walker of that time wrote entries without an atomic exchange",
  ),
  bug("8929bc965964", 2022, "KVM: Use acquire/release semantics when accessing dirty ring GFN state", RING),
  bug("676f819c3e98", 2024, "KVM: Discard zero mask with function kvm_dirty_ring_reset", RING),
  bug("910c57dfa4d1", 2024, "KVM: x86: Mark target gfn of emulated atomic instruction as dirty", X86),
  bug(
    "56fd1fc526e6",
    2026,
    "KVM: arm64: Top up stage-2 memcache for dirty logging faults",
    "no patch is needed: 7.2 is without the fix, 7.3 has it (loggingTopup)",
  ),
  bug(
    "b7833bf202e3",
    2022,
    "KVM: arm64: Don't acquire RCU read lock for exclusive table walks",
    "the hypervisor's own page table, whose walks slept, is not modelled",
  ),
  bug(
    "71cc2c67fb8f",
    2026,
    "KVM: arm64: Use stage-1 leaf size for VM_PFNMAP",
    "memory of devices (VM_PFNMAP) is not modelled",
  ),
  bug(
    "ae41d7dbaeb4",
    2024,
    "KVM: arm64: Release pfn, i.e. put page, if copying MTE tags hits ZONE_DEVICE",
    MTE,
  ),
  bug("d77e59a8fccd", 2022, "arm64: mte: Lock a page for MTE tag initialisation", MTE),
  bug("2986a6257405", 2026, "KVM: arm64: Omit tag sync on stage-2 mappings of the zero page", MTE),
  bug("c4d7c51845af", 2021, "KVM: arm64: Fix race when enabling KVM_ARM_CAP_MTE", MTE),
  bug("6e6a8ef088e1", 2021, "KVM: arm64: Release mmap_lock when using VM_SHARED with MTE", MTE),
  bug("1d58a17ef545", 2021, "KVM: arm64: Fix host stage-2 PGD refcount", PKVM),
  bug("3949e28786cd", 2025, "KVM: arm64: Fix memory check in host_stage2_set_owner_locked()", PKVM),
  bug("e728e705802f", 2025, "KVM: arm64: Adjust range correctly during host stage-2 faults", PKVM),
  bug(
    "b96b0c5de685",
    2021,
    "KVM: arm64: nvhe: Save the SPE context early",
    "the host's own SPE, and the switch between its context and the guest's, are not modelled",
  ),
];

function bug(commit: string, year: number, subject: string, why: string): UnmodelledBug {
  return { commit, year, subject, why };
}
