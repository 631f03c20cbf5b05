import {
  getUserPage,
  hex,
  PAGE_SIZE,
  PageFlag,
  type Refusal,
  type Result,
  refuse,
  type Task,
} from "@kvmm/mm-core";
import type { Kvm } from "../kvm.js";
import { type U64, u64 } from "../slots/memory-region.js";
import { gfnToHva } from "./gfn-to-hva.js";

/** struct kvm_arm_copy_mte_tags. The tags of a page are one number here, 0 at first. */
export interface MteCopyTags {
  readonly guestIpa: U64;
  readonly length: U64;
  readonly flags?: U64;
  /** What the buffer of the VMM holds for each page, where tags are copied to the guest. */
  readonly tags?: number;
}

/** What was copied. */
export interface MteCopied {
  /** How far it came, which is what the ioctl returns. */
  readonly bytes: number;
  /** The tags read, page by page; empty for a copy to the guest. */
  readonly tags: readonly number[];
}

/** KVM_ARM_TAGS_FROM_GUEST */
export const KVM_ARM_TAGS_FROM_GUEST = 1n;

const PAGE = BigInt(PAGE_SIZE);
const INT_MAX = 2n ** 31n - 1n;

/**
 * KVM_ARM_MTE_COPY_TAGS, kvm_vm_ioctl_mte_copy_tags(): the VMM reads or writes the allocation tags of guest memory,
 * to migrate a VM. Writing leaves no mark in the dirty log, and so is refused while there is one.
 */
export function mteCopyTags(kvm: Kvm, task: Task, args: MteCopyTags): Result<MteCopied> {
  const fn = "kvm_vm_ioctl_mte_copy_tags";
  const [ipa, length, flags] = [u64(args.guestIpa), u64(args.length), u64(args.flags)];
  const toGuest = (flags & KVM_ARM_TAGS_FROM_GUEST) === 0n;
  if (!kvm.mteEnabled.get()) {
    return refuse(
      "EINVAL",
      fn,
      "the VM has no MTE",
      "KVM_ENABLE_CAP(KVM_CAP_ARM_MTE) first, where there is one",
    );
  }
  if ((flags & ~KVM_ARM_TAGS_FROM_GUEST) !== 0n) {
    return refuse("EINVAL", fn, `flags ${hex(flags)}`, "0 or KVM_ARM_TAGS_FROM_GUEST (1)");
  }
  if (length % PAGE !== 0n || ipa % PAGE !== 0n) {
    const reason = `guest_ipa ${hex(ipa)} or length ${hex(length)} is not page-aligned`;
    return refuse("EINVAL", fn, reason, "multiples of the page size, 4096");
  }
  if (length > INT_MAX) return refuse("EINVAL", fn, `length ${hex(length)}`, `at most ${hex(INT_MAX)}`);
  kvm.slotsLock.lock();
  const copied = copyLocked(
    kvm,
    task,
    Number(ipa / PAGE),
    Number(length / PAGE),
    toGuest ? (args.tags ?? 0) : null,
  );
  kvm.slotsLock.unlock();
  return copied;
}

/** @param tags to write; null: they are read */
function copyLocked(
  kvm: Kvm,
  task: Task,
  gfn: number,
  npages: number,
  tags: number | null,
): Result<MteCopied> {
  const fn = "kvm_vm_ioctl_mte_copy_tags";
  const logged = kvm.nrMemslotsDirtyLogging.get();
  if (tags !== null && logged > 0 && kvm.behaviour.mteCopyWhileLogging === "refuse") {
    return refuse(
      "EBUSY",
      fn,
      `${logged} memslots are logged, and tags leave no mark in the log`,
      "no dirty logging",
    );
  }
  const read: number[] = [];
  let copied = 0;
  let refusal: Refusal | undefined;
  for (let at = gfn; at < gfn + npages && refusal === undefined; at++) {
    const hva = gfnToHva(kvm.gfnToMemslot(at), at, tags !== null);
    const pfn =
      typeof hva === "number" ? getUserPage(task, hva, { write: tags !== null, honorNumaFault: true }) : hva;
    if (typeof pfn !== "number")
      refusal = refuse(
        "EFAULT",
        fn,
        `no page at gpa ${hex(at * PAGE_SIZE)}`,
        "guest physical addresses of a memslot with memory, writable where tags are written",
      );
    else {
      if (tags === null) read.push(kvm.module.mteTags.get(pfn));
      else {
        kvm.module.mteTags.set(pfn, tags);
        kvm.host.frames.mark(pfn, PageFlag.dirty);
      }
      kvm.host.frames.put(pfn);
      copied++;
    }
  }
  // Once a page was copied the call succeeds, and says how far it came.
  return refusal !== undefined && copied === 0 ? refusal : { bytes: copied * PAGE_SIZE, tags: read };
}

/** KVM_ENABLE_CAP(KVM_CAP_ARM_MTE), where the machine has MTE: before there are vCPUs, and without guest_memfd. */
export function enableMte(kvm: Kvm): Result<0> {
  kvm.lock.lock();
  const refusal = enableLocked(kvm);
  kvm.lock.unlock();
  return refusal ?? 0;
}

function enableLocked(kvm: Kvm): Refusal | undefined {
  const fn = "kvm_vm_ioctl_enable_cap";
  if (kvm.createdVcpus.get() > 0) {
    return refuse("EINVAL", fn, "the VM has vCPUs already", "before the first KVM_CREATE_VCPU");
  }
  kvm.slotsLock.lock();
  const gmem = kvm
    .memslots()
    .gfnTree.overlapping(0, Number.MAX_SAFE_INTEGER)
    .find((slot) => slot.hasGmem);
  if (gmem === undefined) kvm.mteEnabled.set(true);
  kvm.slotsLock.unlock();
  if (gmem === undefined) return undefined;
  return refuse(
    "EINVAL",
    fn,
    `${gmem} has a guest_memfd, which excludes MTE`,
    "before memslots with guest_memfd",
  );
}
