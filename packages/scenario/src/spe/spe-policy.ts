/**
 * How memory is to stay mapped for SPE in a guest, as far as the model can say it:
 *
 * - `none`: as KVM is. The guest's kernel zeroes the buffer's pages when it allocates them (rb_alloc_aux() has
 *   __GFP_ZERO), which maps them at stage 2; nothing keeps them there. On guest_memfd this is also the series' version
 *   7 (2026), which maps all memory with KVM_PRE_FAULT_MEMORY before the first run: by the time that the buffer is
 *   enabled both have mapped it, and what keeps it is the notifier patch alone.
 * - `no-numa-balancing`: what version 4 (2021) demanded of the host's configuration beside locked memslots,
 *   `depends on !NUMA_BALANCING`. The lock itself is pinned pages, which the model does not have.
 *
 * Left out: version 4's lock, and version 6 (2025), which pins the buffer when the guest enables it and handles
 * notifiers for it on its own: both need pinned pages.
 */
export const spePolicies = ["none", "no-numa-balancing"] as const;
export type SpePolicy = (typeof spePolicies)[number];

/**
 * What the guest does after a fault on its buffer:
 *
 * - `touch`: it writes to every page of the buffer before it profiles on, so that the vCPU's faults map them again.
 *   No driver does that today.
 * - `driver`: what Linux' driver and `perf record` do (arm_spe_pmu_irq_handler(), 7.2): the event is disabled, what
 *   was written is read, and the event is enabled again where it had stopped. A page that nobody reads or writes
 *   stays unmapped, and the next record faults again.
 */
export const speRecoveries = ["touch", "driver"] as const;
export type SpeRecovery = (typeof speRecoveries)[number];
