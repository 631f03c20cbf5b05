export { isPrivateGfn, memoryAttributes, rangeHasMemoryAttributes } from "./attributes/memory-attributes.js";
export { type SetMemoryAttributes, setMemoryAttributes } from "./attributes/set-memory-attributes.js";
export {
  gmemOnlySlotsInHvaRange,
  type HvaWalk,
  type KvmBehaviour,
  type KvmPatch,
  kvm72,
  kvm73,
  type SlotDecision,
} from "./behaviour.js";
export { putKvm } from "./destroy-vm.js";
export { DirtyBitmap, type PageRuns } from "./dirty/dirty-bitmap.js";
export { type ClearDirtyLog, clearDirtyLog, type GetDirtyLog, getDirtyLog } from "./dirty/dirty-log.js";
export { dirtyLogInitiallySet, dirtyLogManualProtect } from "./dirty/dirty-log-modes.js";
export { markPageDirty, markPageDirtyInSlot } from "./dirty/mark-page-dirty.js";
export { checkExtension, enableCap } from "./files/capabilities.js";
export { type Argument, type IoctlValue, type KvmIoctl, kvmIoctl } from "./files/ioctl.js";
export { type Architecture, KvmModule, type KvmModuleOptions } from "./files/kvm-module.js";
export { openKvm } from "./files/open.js";
export {
  type PreFaulted,
  type PreFaultLeft,
  type PreFaultMemory,
  preFaultMemory,
} from "./files/pre-fault-memory.js";
export { createVcpu, guestAccess, Vcpu } from "./files/vcpu.js";
export * from "./flags.js";
export { type CreateGuestMemfd, gmemCreate, gmemSupportedFlags } from "./guest-memfd/create.js";
export { gmemErrorFolio } from "./guest-memfd/error-folio.js";
export { gmemGetPfn } from "./guest-memfd/get-pfn.js";
export { GmemFile, GmemInode } from "./guest-memfd/gmem-inode.js";
export { gmemInvalidateEnd, gmemInvalidateStart } from "./guest-memfd/invalidate.js";
export { type HvaRange, type HvaRangeResult, handleHvaRange } from "./invalidate/hva-range.js";
export {
  mmuInvalidateEnd,
  mmuInvalidateRangeAdd,
  mmuInvalidateRetry,
  mmuInvalidateRetryGfn,
  mmuInvalidateStart,
  mmuUnmapGfnRange,
} from "./invalidate/invalidate.js";
export { Kvm, type KvmObserver } from "./kvm.js";
export { arm64PrepareMemoryRegion } from "./mmu/arm64-memory-region.js";
export {
  type FaultinPage,
  type FollowPfn,
  faultinPfn,
  hvaToPfn,
  type PfnError,
  releaseFaultinPage,
} from "./mmu/faultin.js";
export type { GfnRange } from "./mmu/gfn-range.js";
export { gfnToHva, type HvaError } from "./mmu/gfn-to-hva.js";
export type { AccessKind, GuestAccess, GuestExit, GuestFault } from "./mmu/guest-access.js";
export {
  KVM_ARM_TAGS_FROM_GUEST,
  type MteCopied,
  type MteCopyTags,
  mteCopyTags,
} from "./mmu/mte-copy-tags.js";
export { ReferenceMmu, type ReferenceMmuOptions, referenceArchitecture } from "./mmu/reference-mmu.js";
export type { ArchTraits, MemoryRegionChange, SecondaryMmu } from "./mmu/secondary-mmu.js";
export { gpcActivate, gpcActivateHva, gpcDeactivate } from "./pfncache/activate.js";
export { createGpc, GfnToPfnCache } from "./pfncache/gfn-to-pfn-cache.js";
export { gpcRefresh } from "./pfncache/refresh.js";
export {
  gpcCheck,
  gpcCheckLocked,
  gpcRead,
  gpcReadIfValid,
  gpcWrite,
  gpcWriteIfValid,
} from "./pfncache/use.js";
export type { MemoryRegion, U64, UserMemoryRegion } from "./slots/memory-region.js";
export { type Gfn, gfnToHvaMemslot, hvaToGfnMemslot, Memslot, type MemslotFields } from "./slots/memslot.js";
export { Memslots } from "./slots/memslots.js";
export { setMemoryRegion, setMemoryRegion2 } from "./slots/set-memory-region.js";
export { UseAfterFree, useFrame } from "./use-after-free.js";
