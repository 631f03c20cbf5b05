/**
 * How memory is to stay mapped at stage 2 for SPE in a guest. No kernel has any of these yet; each is what a version of
 * the series "KVM: arm64: Add Statistical Profiling Extension (SPE) support" does about it:
 *
 * - `none`: KVM as it is. The guest's kernel zeroes the buffer's pages when it allocates them (rb_alloc_aux() has
 *   __GFP_ZERO), which maps them at stage 2; nothing keeps them there.
 * - `lock-memslot`: version 4 (2021). Before the first run user space locks the memslot
 *   (KVM_CAP_ARM_LOCK_USER_MEMORY_REGION): lock_memslot() pins all of its pages with FOLL_LONGTERM and maps them page
 *   by page. MMU notifiers unmap them all the same, so that the series makes KVM_ARM_SPE depend on !NUMA_BALANCING, and
 *   changes to a locked memslot are denied.
 * - `pin-on-enable`: version 6 (2025). The buffer's pages are pinned and mapped when the guest enables it, and its
 *   handler of MMU notifiers is told the event. What that handler does the model takes from the patches' titles, not
 *   their text: while the pages are pinned, every event leaves them mapped but MMU_NOTIFY_UNMAP.
 * - `gmem-prefault`: version 7 (2026). The guest's memory comes from guest_memfd, and all of it is mapped
 *   (KVM_PRE_FAULT_MEMORY) before the first run; that it stays mapped is up to a patch that ignores the notifiers.
 */
export const spePolicies = ["none", "lock-memslot", "pin-on-enable", "gmem-prefault"] as const;
export type SpePolicy = (typeof spePolicies)[number];

/**
 * What the guest does after a fault on its buffer:
 *
 * - `touch`: it writes to every page of the buffer before it profiles on, so that the vCPU's faults map them again.
 *   No driver does that today.
 * - `driver`: what Linux' driver and `perf record` do (arm_spe_pmu_irq_handler(), 7.2): the event is disabled, what
 *   was written is read, and if that was anything, the event is enabled again where it had stopped
 *   (__auxtrace_mmap__read()). A page that nobody reads or writes stays unmapped, so that the next record faults, with
 *   nothing before it to be read: from then on the event stays disabled.
 */
export const speRecoveries = ["touch", "driver"] as const;
export type SpeRecovery = (typeof speRecoveries)[number];
