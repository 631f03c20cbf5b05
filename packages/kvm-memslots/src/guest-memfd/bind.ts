import { nameFunctions } from "@kvmm/interleave";
import { hex, type OpenFile, PAGE_SIZE, type Refusal, type Result, refuse, type Task } from "@kvmm/mm-core";
import { KVM_MEMSLOT_GMEM_ONLY } from "../flags.js";
import type { Kvm } from "../kvm.js";
import { Memslot, type MemslotFields } from "../slots/memslot.js";
import { GmemFile, type GmemInode } from "./gmem-inode.js";

const FN = "kvm_gmem_bind";

/** A new memslot with its guest_memfd. */
export interface Bound {
  readonly slot: Memslot;
  /** The file, while the binding still has to be completed by {@link gmemBindCommit}. */
  readonly file: OpenFile | null;
}

/**
 * kvm_gmem_bind(): the new memslot's memory is that of a guest_memfd of this VM, from an offset on. Under slots_lock.
 * @param puts takes the file, for the caller to put once it holds no locks (what the kernel's fput() defers): nothing
 *   keeps it open for the memslot, whose binding goes when it is closed
 */
export function gmemBind(
  kvm: Kvm,
  task: Task,
  fields: MemslotFields,
  fd: number,
  offset: bigint,
  puts: OpenFile[],
): Result<Bound> {
  const file = task.process.file(fd);
  if (file === null || !file.tryGet())
    return refuse(
      "EBADF",
      FN,
      `guest_memfd ${fd | 0} is no open descriptor`,
      "a descriptor that KVM_CREATE_GUEST_MEMFD returned",
    );
  puts.push(file);

  const guestMemfd = "a descriptor that KVM_CREATE_GUEST_MEMFD of this VM returned";
  const gmem = file.data;
  if (!(gmem instanceof GmemFile)) {
    return refuse("EINVAL", FN, `descriptor ${fd} is no guest_memfd, but ${file.ops.kind}`, guestMemfd);
  }
  if (gmem.kvm !== kvm) {
    return refuse("EINVAL", FN, `descriptor ${fd} is a guest_memfd of another VM`, guestMemfd);
  }
  const inode = file.inode as GmemInode;
  const size = inode.size.get();
  const length = BigInt(fields.npages) * BigInt(PAGE_SIZE);
  if (offset % BigInt(PAGE_SIZE) !== 0n || offset + length > BigInt(size)) {
    const reason = `guest_memfd_offset ${hex(offset)} + memory_size ${hex(length)} is beyond the file's size ${hex(size)}`;
    return refuse("EINVAL", FN, reason, "a range within the file");
  }

  const bound: MemslotFields = {
    ...fields,
    flags: fields.flags | (inode.supportsMmap ? KVM_MEMSLOT_GMEM_ONLY : 0),
    gmemPgoff: Number(offset) / PAGE_SIZE,
  };
  const slot = kvm.store.create(() => new Memslot(kvm.store, bound, file));
  if (kvm.behaviour.gmemBinding === "after-prepare") return { slot, file };
  return gmemBindCommit(slot, file) ?? { slot, file: null };
}

/** The second half of binding: refuses a page of the file that another memslot has, and enters the memslot. */
export function gmemBindCommit(slot: Memslot, file: OpenFile): Refusal | undefined {
  const inode = file.inode as GmemInode;
  const { bindings } = file.data as GmemFile;
  const end = slot.gmemPgoff + slot.npages;
  inode.invalidateLock.writeLock();
  const other = bindings.first(slot.gmemPgoff, end);
  if (other === undefined) bindings.set(slot.gmemPgoff, end, slot);
  inode.invalidateLock.writeUnlock();
  if (other === undefined) return undefined;
  return refuse(
    "EEXIST",
    FN,
    `pages ${slot.gmemPgoff} to ${end} of the guest_memfd overlap those of slot ${other.slotId}, ` +
      `${other.gmemPgoff} to ${other.gmemPgoff + other.npages}`,
    "pages of the file that no memslot is bound to",
  );
}

/**
 * kvm_gmem_unbind(): under slots_lock, or with the last reference to the VM.
 * @param puts takes the file, for the caller to put once it holds no locks
 */
export function gmemUnbind(kvm: Kvm, slot: Memslot, puts: OpenFile[]): void {
  const file = slot.gmemFile.get();
  // Closed already: the bindings went with it.
  if (file === null) return;
  // 7.2 asks whether the file is being closed: if so it does without the invalidate lock. 7.3 takes it either way.
  const { gmemBinding, unbindOfDyingGmem } = kvm.behaviour;
  const asks = gmemBinding === "before-prepare" || unbindOfDyingGmem === "leave";
  const takesReference = asks && gmemGetFile(slot) !== null;
  if (unbindOfDyingGmem === "leave" && !takesReference) return;
  const locks = takesReference || gmemBinding === "after-prepare";
  const { bindings } = file.data as GmemFile;
  const inode = file.inode as GmemInode;
  if (locks) inode.invalidateLock.writeLock();
  if (bindings.get(slot.gmemPgoff) === slot) bindings.delete(slot.gmemPgoff);
  slot.gmemFile.set(null);
  if (locks) inode.invalidateLock.writeUnlock();
  if (takesReference) puts.push(file);
}

/** kvm_gmem_get_file(): the memslot's file with a reference, unless it is closed or about to be. */
export function gmemGetFile(slot: Memslot): OpenFile | null {
  const file = slot.gmemFile.get();
  if (file === null || !file.tryGet()) return null;
  return file;
}

nameFunctions({
  kvm_gmem_bind: gmemBind,
  kvm_gmem_unbind: gmemUnbind,
  kvm_gmem_get_file: gmemGetFile,
});
