import { hex, NotModelled, type Result, refuse } from "@kvmm/mm-core";
import { supportedMemAttributes } from "../attributes/memory-attributes.js";
import {
  KVM_DIRTY_LOG_INITIALLY_SET,
  KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE,
  KVM_MEM_SLOTS_NUM,
} from "../flags.js";
import { gmemSupportedFlags } from "../guest-memfd/create.js";
import type { Kvm } from "../kvm.js";
import { type U64, u64 } from "../slots/memory-region.js";
import type { KvmModule } from "./kvm-module.js";

/** KVM_DIRTY_LOG_MANUAL_CAPS */
const MANUAL_CAPS = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET;

/** Capabilities about memory that every architecture has, and what KVM_CHECK_EXTENSION says of them. */
const GENERIC: Readonly<Record<string, number>> = {
  KVM_CAP_USER_MEMORY: 1,
  KVM_CAP_USER_MEMORY2: 1,
  KVM_CAP_SYNC_MMU: 1,
  KVM_CAP_DESTROY_MEMORY_REGION_WORKS: 1,
  KVM_CAP_JOIN_MEMORY_REGIONS_WORKS: 1,
  KVM_CAP_CHECK_EXTENSION_VM: 1,
  KVM_CAP_ENABLE_CAP_VM: 1,
  KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2: Number(MANUAL_CAPS),
  KVM_CAP_GUEST_MEMFD: 1,
};

/** Capabilities about memory that depend on the architecture; those that it does not name are 0. */
const OF_ARCHITECTURES: readonly string[] = [
  "KVM_CAP_READONLY_MEM",
  "KVM_CAP_DIRTY_LOG_RING",
  "KVM_CAP_DIRTY_LOG_RING_ACQ_REL",
  "KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP",
  "KVM_CAP_PRE_FAULT_MEMORY",
  "KVM_CAP_ARM_VM_IPA_SIZE",
  "KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE",
  "KVM_CAP_ARM_SUPPORTED_BLOCK_SIZES",
  "KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED",
  "KVM_CAP_ARM_MTE",
];

/**
 * KVM_CHECK_EXTENSION, for capabilities about memory.
 * @param kvm null where /dev/kvm is asked
 */
export function checkExtension(module: KvmModule, kvm: Kvm | null, extension: string): number {
  const generic = GENERIC[extension];
  if (generic !== undefined) return generic;
  const traits = kvm === null ? module.architecture.traits : kvm.mmu.traits;
  if (extension === "KVM_CAP_NR_MEMSLOTS") return KVM_MEM_SLOTS_NUM - traits.internalSlots;
  if (extension === "KVM_CAP_GUEST_MEMFD_FLAGS") return Number(gmemSupportedFlags(kvm));
  if (extension === "KVM_CAP_MEMORY_ATTRIBUTES") {
    return traits.memoryAttributes === true ? Number(supportedMemAttributes(kvm)) : 0;
  }
  if (extension === "KVM_CAP_MULTI_ADDRESS_SPACE") return traits.addressSpaces > 1 ? traits.addressSpaces : 0;
  const own = traits.extensions[extension];
  if (own !== undefined) return own;
  if (OF_ARCHITECTURES.includes(extension)) return 0;
  throw new NotModelled(`KVM_CHECK_EXTENSION(${extension})`);
}

/** KVM_ENABLE_CAP on a VM */
export function enableCap(kvm: Kvm, cap: string, flags: U64, args: readonly U64[]): Result<0> {
  const fn = "kvm_vm_ioctl_enable_cap_generic";
  const values = args.map(u64);
  switch (cap) {
    case "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2":
      return enableManualProtect(kvm, u64(flags), values[0] ?? 0n);
    case "KVM_CAP_DIRTY_LOG_RING":
    case "KVM_CAP_DIRTY_LOG_RING_ACQ_REL":
      if (checkExtension(kvm.module, kvm, cap) !== 0) throw new NotModelled(`KVM_ENABLE_CAP(${cap})`);
      return refuse("EINVAL", fn, `the architecture has no ${cap}`);
    case "KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP":
      return refuse(
        "EINVAL",
        fn,
        "there is no dirty ring",
        "KVM_CAP_DIRTY_LOG_RING_ACQ_REL first, where there is one",
      );
    default: {
      const arch = "kvm_vm_ioctl_enable_cap";
      if (u64(flags) !== 0n) return refuse("EINVAL", arch, `flags ${hex(u64(flags))}`, "0");
      return kvm.mmu.enableCap?.(cap, values) ?? refuse("EINVAL", arch, `${cap} cannot be enabled`);
    }
  }
}

function enableManualProtect(kvm: Kvm, flags: bigint, options: bigint): Result<0> {
  const fn = "kvm_vm_ioctl_enable_cap_generic";
  const enables = (options & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE) !== 0n;
  const allowed = enables ? MANUAL_CAPS : KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
  if (flags !== 0n || (options & ~allowed) !== 0n) {
    const reason = `flags ${hex(flags)}, args[0] ${hex(options)}`;
    return refuse(
      "EINVAL",
      fn,
      reason,
      "flags 0, and 0, 1 (manual protection) or 3 (with all bits set at first)",
    );
  }
  kvm.manualDirtyLogProtect.set(options);
  return 0;
}
