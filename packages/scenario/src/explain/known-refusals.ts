import type { WhyRefused } from "./explained.js";

/** Refusals of ioctls that have nothing to do with memory, and that every VMM meets: read in arch/x86/kvm of 7.2. */
const KNOWN: readonly (WhyRefused & { readonly request: string })[] = [
  {
    request: "KVM_GET_SUPPORTED_CPUID",
    errno: "E2BIG",
    fn: "kvm_dev_ioctl_get_cpuid",
    reason: "the buffer has fewer entries (nent) than there are",
    accepted: "a larger nent: VMMs try again until it fits",
  },
  {
    request: "KVM_GET_MSR_INDEX_LIST",
    errno: "E2BIG",
    fn: "kvm_arch_dev_ioctl",
    reason: "the buffer has fewer entries (nmsrs) than there are; the kernel has written how many",
    accepted: "the same again with that nmsrs",
  },
  {
    request: "KVM_GET_MSR_FEATURE_INDEX_LIST",
    errno: "E2BIG",
    fn: "kvm_arch_dev_ioctl",
    reason: "the buffer has fewer entries (nmsrs) than there are; the kernel has written how many",
    accepted: "the same again with that nmsrs",
  },
  {
    request: "KVM_KVMCLOCK_CTRL",
    errno: "EINVAL",
    fn: "kvm_set_guest_paused",
    reason: "the guest has no kvmclock active on this vCPU",
    accepted: "a guest that has set it up; VMMs ignore the error",
  },
  {
    request: "KVM_GET_DIRTY_LOG",
    errno: "ENOENT",
    fn: "kvm_get_dirty_log_protect",
    reason: "there is no such slot, or it was not given KVM_MEM_LOG_DIRTY_PAGES",
    accepted: "a slot with KVM_MEM_LOG_DIRTY_PAGES",
  },
  {
    request: "KVM_RUN",
    errno: "EINTR",
    fn: "kvm_arch_vcpu_ioctl_run",
    reason:
      "a signal is pending for the vCPU's thread: that is how VMMs get it out of the guest, and no refusal",
    accepted: "KVM_RUN again",
  },
  {
    request: "KVM_RUN",
    errno: "EFAULT",
    fn: "kvm_mmu_faultin_pfn (x86), user_mem_abort or gmem_abort (arm64)",
    reason:
      "the guest touched memory that the memslot has no page for: nothing mapped at the user address, no permission " +
      "to write there, or a guest_memfd that is closed; with KVM_EXIT_MEMORY_FAULT the exit says which gpa",
    accepted:
      "user memory that is mapped throughout the memslot, and writable unless the slot is KVM_MEM_READONLY",
  },
  {
    request: "KVM_RUN",
    errno: "EHWPOISON",
    fn: "__kvm_gmem_get_pfn",
    reason: "the guest touched a poisoned page of a guest_memfd",
    accepted: "a hole punched over that page gives a new one",
  },
];

/** Why an ioctl that the model does not have fails so, where that is known. */
export function knownRefusal(request: string, errno: string): WhyRefused | undefined {
  const found = KNOWN.find((known) => known.request === request && known.errno === errno);
  if (found === undefined) return undefined;
  const { request: _, ...why } = found;
  return why;
}
