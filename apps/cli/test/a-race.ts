import type { RaceTrace } from "@kvmm/scenario";

/** A race of a few steps, for what shows one. */
export const aRace: RaceTrace = {
  threads: ["kernel", "vmm"],
  message: "a pfncache uses pfn 0x40003, which is free",
  initially: { "kvm->mmu_invalidate_seq": "4", "pfn 0x40003": "2 references", "gpc->valid": "false" },
  preemptions: 1,
  isShortest: true,
  loopsTo: null,
  steps: [
    {
      thread: "kernel",
      call: "kvm_gpc_refresh",
      function: "hva_to_pfn_retry",
      object: "kvm->mmu_invalidate_seq",
      what: "reads kvm->mmu_invalidate_seq",
      outcome: 0,
      isPreemption: false,
      accesses: [
        {
          function: "hva_to_pfn_retry",
          does: "kvm->mmu_invalidate_seq is 4",
          read: { name: "kvm->mmu_invalidate_seq", value: "4" },
          matters: true,
          changed: [],
          decisions: [],
        },
        {
          function: "hva_to_pfn_retry",
          does: "releases gpc->lock",
          matters: false,
          changed: [],
          decisions: [],
        },
      ],
    },
    {
      thread: "vmm",
      call: "fallocate",
      function: "truncate_inode_pages_range",
      object: "folio->_refcount",
      what: "writes folio->_refcount",
      outcome: 0,
      isPreemption: true,
      accesses: [
        {
          function: "truncate_inode_pages_range",
          does: "writes pfn 0x40003",
          matters: true,
          changed: [{ name: "pfn 0x40003", before: "2 references", after: "free" }],
          decisions: [{ function: "kvm_handle_hva_range", text: "slot 0 overlaps, and is ignored" }],
        },
      ],
    },
    {
      thread: "kernel",
      call: "kvm_gpc_write",
      function: "kvm_gpc_write",
      object: "folio->_refcount",
      what: "reads folio->_refcount",
      outcome: 0,
      isPreemption: false,
      accesses: [
        {
          function: "kvm_gpc_write",
          does: "pfn 0x40003 is free",
          read: { name: "pfn 0x40003", value: "free" },
          matters: true,
          changed: [],
          decisions: [],
        },
      ],
    },
  ],
};
