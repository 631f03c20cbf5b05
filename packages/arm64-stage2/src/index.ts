export { hex, type Ipa, ipa, type Pa, pa } from "./address.js";
export { type Arm64Behaviour, arm64v72, arm64v73, type PgtableBehaviour } from "./behaviour.js";
export { decodeDescriptor, pteProt, pteValid } from "./descriptor/decode.js";
export type {
  Descriptor,
  EmptyDescriptor,
  InvalidDescriptor,
  LeafDescriptor,
  ReservedDescriptor,
  TableDescriptor,
} from "./descriptor/descriptor.js";
export { encodeDescriptor, encodeLeafFor } from "./descriptor/encode.js";
export { InvalidType, Xn } from "./descriptor/layout.js";
export { type MemoryType, memoryType } from "./descriptor/memory-type.js";
export { formatProt, Prot, parseProt } from "./descriptor/prot.js";
export { type DumpDifference, diffDumps, mergeRanges } from "./dump/compare.js";
export { type DumpRange, dump } from "./dump/dump.js";
export { type TableEntry, tableEntries } from "./dump/entries.js";
export { formatDump } from "./dump/format.js";
export { type ParsedDump, parseDump } from "./dump/parse.js";
export { EAGAIN, EFAULT, EINVAL, ENOMEM, ERANGE, errnoName } from "./errno.js";
export { arm64 } from "./fault/arm64.js";
export { Arm64Mmu } from "./fault/arm64-mmu.js";
export { type Stage2Check, stage2Checks } from "./fault/check.js";
export { type DeviceWrite, deviceWrite } from "./fault/device-write.js";
export type { AccessOptions } from "./fault/guest-abort.js";
export type { PeekedLeaf, PeekedWrite } from "./fault/peek-leaf.js";
export type { PinnedRange } from "./fault/pinned-range.js";
export { type Arm64Options, recordedMachine } from "./fault/traits.js";
export {
  type Geometry,
  geometryOf,
  granuleShift,
  granuleSize,
  LAST_LEVEL,
  levelSupportsBlockMapping,
  type PageSize,
  pgdPages,
  supportedBlockSizes,
} from "./geometry/geometry.js";
export { initIpaRange, setIpaLimit } from "./geometry/ipa-limit.js";
export {
  decodeVtcr,
  getVtcr,
  mmuCacheMinPages,
  pgdSize,
  type VtcrFields,
  type VtcrOptions,
} from "./geometry/vtcr.js";
export { DEFAULT_MACHINE, type Machine, machine } from "./machine.js";
export { type CacheOps, guestCacheOps, type MmOps } from "./mm-ops.js";
export { type Leaf, Stage2 } from "./stage2.js";
export type { Stage2Options } from "./stage2-options.js";
export { checkTablePages } from "./table/account.js";
export { BreakBeforeMake } from "./table/break-before-make.js";
export { TableError, type TableErrorKind } from "./table/errors.js";
export { MemoryCache } from "./table/memory-cache.js";
export type { TableMemory } from "./table/table-memory.js";
export type { TablePage } from "./table/table-page.js";
export { MAX_TLBI_RANGE_PAGES, NO_TLB, type Stage2Tlb, TLBI_TTL_UNKNOWN, tlbFlushVmidRange } from "./tlb.js";
export { Walk, type WalkFlags } from "./walk/flags.js";
export type { Visit, Visitor } from "./walk/visitor.js";
