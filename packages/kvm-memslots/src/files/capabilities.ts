import { hex, NotModelled, PAGE_SIZE, type Result, refuse } from "@kvmm/mm-core";
import { supportedMemAttributes } from "../attributes/memory-attributes.js";
import {
  KVM_DIRTY_LOG_INITIALLY_SET,
  KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE,
  KVM_DIRTY_RING_MAX_BYTES,
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
  "KVM_CAP_MEMORY_FAULT_INFO",
  "KVM_CAP_VM_TYPES",
];

/** Capabilities that a VM can be given, and that have nothing to do with its memory. */
const NOT_ABOUT_MEMORY = new Set([
  "KVM_CAP_HALT_POLL",
  "KVM_CAP_ARM_NISV_TO_USER",
  "KVM_CAP_ARM_SYSTEM_SUSPEND",
  "KVM_CAP_ARM_WRITABLE_IMP_ID_REGS",
  "KVM_CAP_ARM_SEA_TO_USER",
  "KVM_CAP_DISABLE_QUIRKS",
  "KVM_CAP_DISABLE_QUIRKS2",
  "KVM_CAP_SPLIT_IRQCHIP",
  "KVM_CAP_X2APIC_API",
  "KVM_CAP_X86_DISABLE_EXITS",
  "KVM_CAP_MSR_PLATFORM_INFO",
  "KVM_CAP_EXCEPTION_PAYLOAD",
  "KVM_CAP_X86_TRIPLE_FAULT_EVENT",
  "KVM_CAP_X86_USER_SPACE_MSR",
  "KVM_CAP_X86_BUS_LOCK_EXIT",
  "KVM_CAP_SGX_ATTRIBUTE",
  "KVM_CAP_VM_COPY_ENC_CONTEXT_FROM",
  "KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM",
  "KVM_CAP_EXIT_HYPERCALL",
  "KVM_CAP_EXIT_ON_EMULATION_FAILURE",
  "KVM_CAP_PMU_CAPABILITY",
  "KVM_CAP_MAX_VCPU_ID",
  "KVM_CAP_X86_NOTIFY_VMEXIT",
  "KVM_CAP_VM_DISABLE_NX_HUGE_PAGES",
  "KVM_CAP_X86_APIC_BUS_CYCLES_NS",
]);

/**
 * KVM_CHECK_EXTENSION, for capabilities about memory.
 * @param kvm null where /dev/kvm is asked
 */
export function checkExtension(module: KvmModule, kvm: Kvm | null, extension: string): Result<number> {
  const generic = GENERIC[extension];
  if (generic !== undefined) return generic;
  const traits = kvm === null ? module.architecture.traits : kvm.mmu.traits;
  if (extension === "KVM_CAP_NR_MEMSLOTS") return KVM_MEM_SLOTS_NUM - traits.internalSlots;
  if (extension === "KVM_CAP_GUEST_MEMFD_FLAGS") return Number(gmemSupportedFlags(kvm));
  if (extension === "KVM_CAP_MEMORY_ATTRIBUTES") {
    return traits.memoryAttributes === true ? Number(supportedMemAttributes(kvm)) : 0;
  }
  // Known where there can be several; then also a VM that has one says so.
  if (extension === "KVM_CAP_MULTI_ADDRESS_SPACE")
    return module.architecture.traits.addressSpaces > 1 ? traits.addressSpaces : 0;
  if (
    extension === "KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED" &&
    kvm === null &&
    extension in traits.extensions
  )
    return refuse(
      "EINVAL",
      "kvm_vm_ioctl_check_extension",
      `${extension} of /dev/kvm`,
      "the descriptor of a VM",
    );
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
      if (checkExtension(kvm.module, kvm, cap) === 0)
        return refuse("EINVAL", fn, `the architecture has no ${cap}`, "KVM_CAP_DIRTY_LOG_RING_ACQ_REL");
      return enableDirtyLogRing(kvm, cap, Number(BigInt.asUintN(32, values[0] ?? 0n)));
    case "KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP":
      return refuse(
        "EINVAL",
        fn,
        "there is no dirty ring",
        "KVM_CAP_DIRTY_LOG_RING_ACQ_REL first, where there is one",
      );
    default: {
      if (NOT_ABOUT_MEMORY.has(cap)) throw new NotModelled(`KVM_ENABLE_CAP(${cap})`);
      const arch = "kvm_vm_ioctl_enable_cap";
      if (u64(flags) !== 0n) return refuse("EINVAL", arch, `flags ${hex(u64(flags))}`, "0");
      return (
        kvm.mmu.enableCap?.(cap, values) ??
        refuse("EINVAL", arch, `${cap} cannot be enabled`, "capabilities that can be enabled for a VM")
      );
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

/** kvm_vm_ioctl_enable_dirty_log_ring(): what it refuses; dirty rings themselves are not modelled. */
function enableDirtyLogRing(kvm: Kvm, cap: string, size: number): Result<0> {
  const fn = "kvm_vm_ioctl_enable_dirty_log_ring";
  const accepted = `a power of 2 from 4096 to ${KVM_DIRTY_RING_MAX_BYTES} bytes`;
  if (size === 0 || (size & (size - 1)) !== 0)
    return refuse("EINVAL", fn, `a ring of ${size} bytes, which is no power of 2`, accepted);
  if (size < PAGE_SIZE) return refuse("EINVAL", fn, `a ring of ${size} bytes, less than a page`, accepted);
  if (size > KVM_DIRTY_RING_MAX_BYTES) return refuse("E2BIG", fn, `a ring of ${size} bytes`, accepted);
  kvm.lock.lock();
  const created = kvm.createdVcpus.get();
  kvm.lock.unlock();
  if (created > 0)
    return refuse("EINVAL", fn, "the VM has vCPUs already", "before the first KVM_CREATE_VCPU");
  throw new NotModelled(`KVM_ENABLE_CAP(${cap})`);
}
