export {
  DEFAULT_MAP_WINDOW,
  type Hva,
  isPageAligned,
  type Node,
  PAGE_SHIFT,
  PAGE_SIZE,
  type Pfn,
  type Pgoff,
  PMD_PAGES,
  PMD_SIZE,
  PUD_SIZE,
  pageAlign,
  pageAlignDown,
  pages,
} from "./addresses.js";
export { damonPaMkold, damonPaYoung, damonVaMkold, damonVaYoung } from "./ageing/damon.js";
export { type DamosScheme, damosPa, damosVa } from "./ageing/damos.js";
export { lruGenAge } from "./ageing/lru-gen.js";
export { pageIdleBitmapRead, pageIdleBitmapWrite } from "./ageing/page-idle.js";
export { AnonVma } from "./anon-vma.js";
export { type MmBehaviour, mm72, mm73 } from "./behaviour.js";
export { Column } from "./column.js";
export { compactRange } from "./compaction.js";
export { ERRNO, type Errno, hex, isRefusal, Refusal, type Result, refuse } from "./errno.js";
export type { Fault, FaultError, FaultFlags, FaultOutcome } from "./fault/fault.js";
export { handleMmFault } from "./fault/handle.js";
export {
  type FileIdentity,
  type FileOps,
  Inode,
  type InodeTraits,
  OpenFile,
  pgoffOf,
  type UffdOps,
} from "./file.js";
export { filemapCreateFolio, filemapLockFolio, unmapMappingRange } from "./filemap.js";
export { FrameError, Frames } from "./frames.js";
export { type GupError, type GupFlags, getUserPage, pinUserPages } from "./gup.js";
export { Host, type HostOptions, type Warning } from "./host.js";
export { type HostAccess, hostAccess } from "./host-access.js";
export { Hstate } from "./hugetlb/hstate.js";
export { type KsmCounters, ksmCounters, ksmRun } from "./ksm/scan.js";
export { type Leaf, leafAt, leafPage } from "./leaf.js";
export { Mempolicy, type PolicyMode, SharedPolicy } from "./mempolicy.js";
export { Mm, userMappingSize } from "./mm.js";
export { NotModelled } from "./not-modelled.js";
export {
  invalidateRangeEnd,
  invalidateRangeStart,
  invalidateRangeStartNonblock,
  type MmuNotifier,
  type NotifierEvent,
  type NotifierRange,
} from "./notifier.js";
export { modelledAgeingSites, modelledRangeSites } from "./notifier-sites.js";
export { NumaBalancing, taskNumaWork } from "./numa/scan.js";
export { PageFlag } from "./page-flags.js";
export { isMaybeDmaPinned, unpinUserPage } from "./pin.js";
export { type Pte, PteFlag, pteHas, ptePfn, ptePresent } from "./pte.js";
export { MpolMf } from "./queue-pages.js";
export { FallocFlag, Seal, ShmemInfo } from "./shmem.js";
export { Swap } from "./swap.js";
export { ClearRefs, clearRefs } from "./syscalls/clear-refs.js";
export { FcntlCommand, fcntl } from "./syscalls/fcntl.js";
export {
  changeAttributes,
  type FileStatus,
  flock,
  fstat,
  fstatfs,
  ioctlUnknown,
  posixFadvise,
  readahead,
  readlinkFd,
  reopen,
} from "./syscalls/file-attributes.js";
export { copyFileRange, pread, pwrite, read, sendfile, write } from "./syscalls/file-io.js";
export {
  close,
  dup,
  fallocate,
  ftruncate,
  MemfdFlag,
  memfdCreate,
  OpenFlag,
  open,
  openConsole,
} from "./syscalls/files.js";
export { exit, fork, vfork } from "./syscalls/fork.js";
export { fsync } from "./syscalls/fsync.js";
export { PinLongtermFlag, pinLongtermTestStart, pinLongtermTestStop } from "./syscalls/gup-test.js";
export { Madv, madvise } from "./syscalls/madvise.js";
export {
  GetMempolicyFlag,
  getMempolicy,
  MpolFlag,
  mbind,
  type PolicyInfo,
  setMempolicy,
  whereArePages,
} from "./syscalls/mempolicy.js";
export { type MovedPages, migrateTaskPages, movePages } from "./syscalls/migrate.js";
export { mincore } from "./syscalls/mincore.js";
export { MclFlag, MlockFlag, mlock, mlock2, mlockall, munlock, munlockall } from "./syscalls/mlock.js";
export { MapFlag, type MmapArgs, mmap, Prot } from "./syscalls/mmap.js";
export { mprotect } from "./syscalls/mprotect.js";
export { type MremapArgs, MremapFlag, mremap } from "./syscalls/mremap.js";
export { mseal } from "./syscalls/mseal.js";
export { MsFlag, msync } from "./syscalls/msync.js";
export { munmap } from "./syscalls/munmap.js";
export { PageIs, type PagemapScanArgs, PmScan, pagemapScan } from "./syscalls/pagemap-scan.js";
export { type Iovec, processMadvise } from "./syscalls/process-madvise.js";
export { killProcess, processMrelease } from "./syscalls/process-mrelease.js";
export { processVmRw, writeProcMem } from "./syscalls/process-vm.js";
export { folioMarkAccessed } from "./reclaim/accessed.js";
export { shrinkLruvec } from "./reclaim/shrink-lruvec.js";
export { compactMemory, dropCaches, nodeReclaim } from "./syscalls/reclaim.js";
export {
  UffdFill,
  UffdMove,
  uffdioContinue,
  uffdioCopy,
  uffdioMove,
  uffdioPoison,
  uffdioWake,
  uffdioZeropage,
} from "./syscalls/uffdio-fill.js";
export {
  UffdFlag,
  UffdRegister,
  UffdWriteprotect,
  uffdioApi,
  uffdioRegister,
  uffdioUnregister,
  uffdioWriteprotect,
  userfaultfd,
} from "./syscalls/userfaultfd.js";
export { writeFile } from "./syscalls/write-file.js";
export { Process, Task } from "./task.js";
export type { ShmemHugepage, TransparentHugepage } from "./thp/settings.js";
export { khugepagedRun } from "./thp/khugepaged.js";
export { splitHugePagesAll } from "./thp/split-all.js";
export { splitFolio } from "./thp/split-folio.js";
export { truncateInodePagesRange } from "./truncate.js";
export { UffdFeature, Userfaultfd } from "./userfaultfd/context.js";
export { isAccessible, isAnonymous, Vma, type VmaFields, VmFlag } from "./vma.js";
