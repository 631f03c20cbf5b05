import type { GuestFault } from "@kvmm/kvm-memslots";
import type { Ipa, Pa } from "../address.js";
import type { Arm64Mmu } from "./arm64-mmu.js";
import { translate } from "./hardware-walk.js";

/** What became of a device's write: where it went, or the fault, which nobody replays. */
export type DeviceWrite =
  | { readonly pa: Pa; readonly level: number }
  | { readonly fault: GuestFault["kind"]; readonly level: number };

/**
 * A write through stage 2 by hardware that is no CPU (a profiling or trace buffer): one step, whose fault KVM does not
 * handle and nobody makes again.
 */
export function deviceWrite(mmu: Arm64Mmu, gpa: number): DeviceWrite {
  const { store } = mmu.kvm;
  return store.atomic<DeviceWrite>("a device's write through stage 2", () =>
    translate(mmu.pgt, gpa as Ipa, "write", mmu.hardwareAccessFlag),
  );
}
