import { type ArchTraits, KVM_DIRTY_RING_MAX_BYTES, type Kvm } from "@kvmm/kvm-memslots";
import type { Arm64Behaviour } from "../behaviour.js";
import { geometryOf, supportedBlockSizes } from "../geometry/geometry.js";
import { initIpaRange, setIpaLimit } from "../geometry/ipa-limit.js";
import { type Machine, machine } from "../machine.js";
import type { Stage2Tlb } from "../tlb.js";

export interface Arm64Options {
  /** Features of the machine; default: the recorded one. */
  readonly machine?: Machine;
  /** FEAT_HAFDBS: the hardware sets the access flag at stage 2. KVM does not use its dirty state. Default true. */
  readonly hardwareAccessFlag?: boolean;
  readonly behaviour?: Arm64Behaviour;
  /** Receives the TLB invalidations of a VM. */
  readonly tlb?: (kvm: Kvm) => Stage2Tlb;
}

/** The CPU on which the recordings were made (FORMAT.md). */
export const recordedMachine: Machine = machine({
  fwb: true,
  xnx: true,
  tlbRange: true,
  lpa2: true,
  pa52: true,
  dic: false,
});

/** ID_AA64MMFR0_EL1.PARange and ID_AA64MMFR1_EL1.VMIDBits of the recorded machine: 52 bits of IPA, 16 of VMID. */
const MMFR0 = 6n;
const MMFR1 = 2n << 4n;

/** get_kvm_ipa_limit(): the bits of the largest IPA space. */
export function ipaLimitOf(features: Machine): number {
  return setIpaLimit(features, MMFR0);
}

/** kvm_init_ipa_range(), on that machine: VTCR_EL2, or a negative errno. */
export function vtcrOf(features: Machine, type: bigint): bigint | number {
  return initIpaRange(features, ipaLimitOf(features), Number(type), MMFR0, MMFR1);
}

/** What virt/kvm asks; the size of the IPA space and the chunk size of eager splitting are the VM's own. */
export function traitsOf(features: Machine, ipaBits: number, splitPageChunkSize: () => number): ArchTraits {
  return {
    addressSpaces: 1,
    internalSlots: 0,
    readonlyMem: true,
    pfnCache: false,
    locklessAging: false,
    elideTlbFlushIfYoung: false,
    gmemInitShared: true,
    preFaultMemory: false,
    unknownVmIoctl: "EINVAL",
    topByteIgnore: true,
    taskSizeMax: 2 ** 52,
    // kvm_arm_default_max_vcpus(), with a GICv3
    maxVcpus: 512,
    maxVcpuIds: 512,
    ipaBits,
    extensions: {
      KVM_CAP_READONLY_MEM: 1,
      KVM_CAP_DIRTY_LOG_RING_ACQ_REL: KVM_DIRTY_RING_MAX_BYTES,
      KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP: 1,
      KVM_CAP_ARM_VM_IPA_SIZE: ipaLimitOf(features),
      KVM_CAP_ARM_SUPPORTED_BLOCK_SIZES: supportedBlockSizes(geometryOf(features.pageSize)),
      // kvm_supports_cacheable_pfnmap()
      KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED: features.fwb && features.dic ? 1 : 0,
      get KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE() {
        return splitPageChunkSize();
      },
    },
  };
}
