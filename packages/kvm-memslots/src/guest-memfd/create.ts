import { add } from "@kvmm/interleave";
import { hex, OpenFile, PAGE_SIZE, type Result, refuse, type Task } from "@kvmm/mm-core";
import { GUEST_MEMFD_FLAG_INIT_SHARED, GUEST_MEMFD_FLAG_MMAP } from "../flags.js";
import type { Kvm } from "../kvm.js";
import { type U64, u64 } from "../slots/memory-region.js";
import { GmemInode } from "./gmem-inode.js";
import { gmemOps } from "./gmem-ops.js";

/** struct kvm_create_guest_memfd; its reserved words are never looked at. */
export interface CreateGuestMemfd {
  readonly size?: U64;
  readonly flags?: U64;
}

/** kvm_gmem_get_supported_flags() */
export function gmemSupportedFlags(kvm: Kvm | null): bigint {
  const initShared = kvm === null || kvm.mmu.traits.gmemInitShared;
  return GUEST_MEMFD_FLAG_MMAP | (initShared ? GUEST_MEMFD_FLAG_INIT_SHARED : 0n);
}

/** KVM_CREATE_GUEST_MEMFD. @returns the descriptor */
export function gmemCreate(kvm: Kvm, task: Task, args: CreateGuestMemfd): Result<number> {
  const fn = "kvm_gmem_create";
  const size = BigInt.asIntN(64, u64(args.size));
  const flags = u64(args.flags);
  const supported = gmemSupportedFlags(kvm);
  if ((flags & ~supported) !== 0n) {
    return refuse(
      "EINVAL",
      fn,
      `unknown flags ${hex(flags & ~supported)}`,
      `bits of ${hex(supported)} (KVM_CAP_GUEST_MEMFD_FLAGS)`,
    );
  }
  if (size <= 0n || size % BigInt(PAGE_SIZE) !== 0n) {
    return refuse("EINVAL", fn, `size ${hex(size)}`, "a positive multiple of the page size, 4096");
  }
  const { store, host } = kvm;
  add(kvm.usersCount, 1);
  const file = store.create(() => {
    const inode = new GmemInode(host, flags, Number(size), kvm);
    return new OpenFile(host, "guest_memfd", inode, gmemOps, inode.gmemFiles.peek()[0]!);
  });
  return task.process.install(file);
}
