import { call } from "./call.js";

/** What others than KVM have to do with the VMM's memory. No recording has them. */
export const driverCalls = {
  mmu_notifier_register: call(
    "a driver subscribes to the VMM's memory beside KVM; it cannot let pages go without waiting",
    {},
  ),
} as const;
