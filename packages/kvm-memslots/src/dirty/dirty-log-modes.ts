import { KVM_DIRTY_LOG_INITIALLY_SET, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE } from "../flags.js";
import type { Kvm } from "../kvm.js";

/** Does reading the log leave it as it is, until KVM_CLEAR_DIRTY_LOG? */
export function dirtyLogManualProtect(kvm: Kvm): boolean {
  return (kvm.manualDirtyLogProtect.get() & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE) !== 0n;
}

/** kvm_dirty_log_manual_protect_and_init_set() */
export function dirtyLogInitiallySet(kvm: Kvm): boolean {
  return (kvm.manualDirtyLogProtect.get() & KVM_DIRTY_LOG_INITIALLY_SET) !== 0n;
}
