import { nameFunctions } from "@kvmm/interleave";
import {
  type Fault,
  type FaultOutcome,
  type FileOps,
  type Hva,
  hex,
  type Mempolicy,
  type OpenFile,
  PAGE_SIZE,
  pgoffOf,
  type Refusal,
  refuse,
  type Vma,
  type VmaFields,
  VmFlag,
} from "@kvmm/mm-core";
import { gmemFallocate } from "./fallocate.js";
import { gmemGetFolio, gmemMarkUptodate } from "./folio.js";
import type { GmemFile, GmemInode } from "./gmem-inode.js";
import { gmemRelease } from "./release.js";

/** What a guest_memfd does as a file: kvm_gmem_fops, kvm_gmem_vm_ops and kvm_gmem_iops. */
export const gmemOps: FileOps = {
  kind: "guest_memfd",
  identity: {
    mode: 0o100600,
    nlink: 1,
    blocksPerPage: 0,
    magic: 0x474d454d,
    link: "/[kvm-gmem] (deleted)",
    isAnonymousInode: true,
  },
  mmap: gmemMmap,
  fault: gmemFaultUserMapping,
  fallocate: (file, mode, offset, length, task) => gmemFallocate(task, file, mode, offset, length),
  truncate: (_file, size) =>
    refuse(
      "EINVAL",
      "kvm_gmem_setattr",
      `the size cannot be changed (to ${hex(size)})`,
      "the size given at creation",
    ),
  getPolicy: gmemGetPolicy,
  setPolicy: gmemSetPolicy,
  release: gmemRelease,
};

/** kvm_gmem_mmap() */
function gmemMmap(file: OpenFile, vma: VmaFields): Refusal | undefined {
  const fn = "kvm_gmem_mmap";
  if (!(file.inode as GmemInode).supportsMmap) {
    return refuse(
      "ENODEV",
      fn,
      "the guest_memfd was created without GUEST_MEMFD_FLAG_MMAP",
      "a guest_memfd with GUEST_MEMFD_FLAG_MMAP",
    );
  }
  const shared = VmFlag.shared | VmFlag.mayShare;
  if ((vma.flags & shared) !== shared) return refuse("EINVAL", fn, "a private mapping", "MAP_SHARED");
  return undefined;
}

/** kvm_gmem_fault_user_mapping(): looks neither at poison nor at the invalidate lock. */
function gmemFaultUserMapping(file: OpenFile, fault: Fault): FaultOutcome {
  const fn = "kvm_gmem_fault_user_mapping";
  const inode = file.inode as GmemInode;
  const { store } = inode.host;
  if (fault.pgoff * PAGE_SIZE >= inode.size.get()) {
    store.trace(fn, () => `page ${fault.pgoff} is beyond the file's size: SIGBUS`);
    return "SIGBUS";
  }
  const { behaviour } = (file.data as GmemFile).kvm;
  if (!inode.isInitShared && behaviour.gmemUserFault === "init-shared") {
    store.trace(fn, () => "the guest_memfd was created without GUEST_MEMFD_FLAG_INIT_SHARED: SIGBUS");
    return "SIGBUS";
  }
  const pfn = gmemGetFolio(fault.task, inode, fault.pgoff);
  if (pfn === null) return "OOM";
  gmemMarkUptodate(inode.host, pfn);
  return { pfn };
}

/** kvm_gmem_get_policy(): null where none was set, not the task's. */
function gmemGetPolicy(vma: Vma, address: Hva): Mempolicy | null {
  const { fields } = vma;
  return (fields.file!.inode as GmemInode).policy.lookup(pgoffOf(fields, address));
}

/** kvm_gmem_set_policy(): the policy is the file's, whoever maps it. */
function gmemSetPolicy(vma: Vma, start: Hva, end: Hva, policy: Mempolicy | null): undefined {
  const { fields } = vma;
  (fields.file!.inode as GmemInode).policy.set(pgoffOf(fields, start), pgoffOf(fields, end), policy);
  return undefined;
}

nameFunctions({
  kvm_gmem_mmap: gmemMmap,
  kvm_gmem_fault_user_mapping: gmemFaultUserMapping,
  kvm_gmem_get_policy: gmemGetPolicy,
  kvm_gmem_set_policy: gmemSetPolicy,
});
