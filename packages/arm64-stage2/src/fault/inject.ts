import { nameFunctions } from "@kvmm/interleave";
import type { GuestExit } from "@kvmm/kvm-memslots";
import type { Syndrome } from "./fault-desc.js";

// ESR_EL1 (Arm ARM, D24.2): the class in 31:26, IL in 25, the fault status code in 5:0.
const EC_IABT_CUR = 0x21;
const EC_DABT_CUR = 0x25;
const IL = 0x200_0000;
const FSC_ADDRESS_SIZE = 0x00;
const FSC_EXTERNAL = 0x10;
const FSC_EXTERNAL_WALK = 0x14;
const FSC_EXCL_ATOMIC = 0x35;

/** inject_abt64(): the guest runs at EL1, and takes the abort there. */
function abort({ access }: Syndrome, fsc: number): GuestExit {
  return { exception: (access === "exec" ? EC_IABT_CUR : EC_DABT_CUR) * 2 ** 26 + IL + fsc };
}

/** kvm_inject_sea(): a synchronous external abort, as from memory that does not answer. */
export function injectSea(syndrome: Syndrome): GuestExit {
  const { stage1Walk } = syndrome;
  return abort(syndrome, stage1Walk === null ? FSC_EXTERNAL : FSC_EXTERNAL_WALK + stage1Walk);
}

/** kvm_inject_size_fault(): an address size fault at level 0. */
export function injectSizeFault(syndrome: Syndrome): GuestExit {
  return abort(syndrome, FSC_ADDRESS_SIZE);
}

/** kvm_inject_dabt_excl_atomic() */
export function injectExclAtomic(syndrome: Syndrome): GuestExit {
  return abort(syndrome, FSC_EXCL_ATOMIC);
}

nameFunctions({
  inject_abt64: abort,
  kvm_inject_sea: injectSea,
  kvm_inject_size_fault: injectSizeFault,
  kvm_inject_dabt_excl_atomic: injectExclAtomic,
});
