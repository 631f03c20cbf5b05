import type { Architecture } from "@kvmm/kvm-memslots";
import { type Result, refuse } from "@kvmm/mm-core";
import { Arm64Mmu } from "./arm64-mmu.js";
import { type Arm64Options, recordedMachine, traitsOf, vtcrOf } from "./traits.js";

/** KVM_PHYS_SHIFT */
const DEFAULT_IPA_BITS = 40;

/** KVM on arm64, as a `SecondaryMmu` per VM: give it to a `KvmModule`. */
export function arm64(options: Arm64Options = {}): Architecture {
  const features = options.machine ?? recordedMachine;
  return {
    name: "arm64",
    traits: traitsOf(features, DEFAULT_IPA_BITS, () => 0),
    checkVmType(type: bigint): Result<0> {
      const vtcr = vtcrOf(features, type);
      return typeof vtcr === "bigint"
        ? 0
        : refuse("EINVAL", "kvm_init_ipa_range", `VM type ${type} asks for no possible IPA size`);
    },
    createMmu: (kvm, type) => new Arm64Mmu(kvm, type, features, options),
  };
}
