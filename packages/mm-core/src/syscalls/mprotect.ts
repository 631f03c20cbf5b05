import { type Hva, isPageAligned, pageAlign } from "../addresses.js";
import { hex, type Refusal, type Result, refuse } from "../errno.js";
import type { Mm } from "../mm.js";
import { changeProtection } from "../protect.js";
import type { Task } from "../task.js";
import { VM_ACCESS_FLAGS, VmFlag } from "../vma.js";
import { maySplit, modifyVma } from "../vma-tree.js";
import { Prot } from "./mmap.js";

/** Branch targets are checked (arm64); the model does not tell such mappings from others. */
const PROT_BTI = 0x10;

/** mprotect(2) */
export function mprotect(task: Task, addr: Hva, length: number, prot: number): Result<0> {
  const fn = "do_mprotect_pkey";
  if (!isPageAligned(addr)) return refuse("EINVAL", fn, `address ${hex(addr)} is not page-aligned`);
  if (length === 0) return 0;
  const end = addr + pageAlign(length);
  if (end >= 2 ** 64) return refuse("ENOMEM", fn, `${hex(addr)} plus ${hex(length)} wraps`);
  if ((prot & ~(Prot.read | Prot.write | Prot.exec | PROT_BTI)) !== 0)
    return refuse("EINVAL", fn, `protection ${hex(prot)} is unknown`);
  const { mm } = task;
  mm.mmapLock.writeLock();
  const refused = protectRange(mm, addr, end, prot);
  mm.mmapLock.writeUnlock();
  return refused ?? 0;
}

function protectRange(mm: Mm, start: Hva, end: Hva, prot: number): Refusal | null {
  const fn = "do_mprotect_pkey";
  let at = start;
  const wanted =
    (prot & Prot.read ? VmFlag.read : 0) |
    (prot & Prot.write ? VmFlag.write : 0) |
    (prot & Prot.exec ? VmFlag.exec : 0);
  while (at < end) {
    const vma = mm.vmaAt(at);
    if (vma === undefined) break;
    const { fields } = vma;
    const flags = (fields.flags & ~VM_ACCESS_FLAGS) | wanted;
    // VM_MAYREAD and so on stand four bits above VM_READ and so on in the kernel.
    const allowed =
      (fields.flags & VmFlag.mayRead ? VmFlag.read : 0) |
      (fields.flags & VmFlag.mayWrite ? VmFlag.write : 0) |
      (fields.flags & VmFlag.mayExec ? VmFlag.exec : 0);
    if ((wanted & ~allowed) !== 0) {
      return refuse("EACCES", fn, `the mapping at ${hex(fields.start)} may not have protection ${prot}`);
    }
    const to = Math.min(fields.end, end);
    // mprotect_fixup()
    if ((fields.flags & VmFlag.sealed) !== 0)
      return refuse("EPERM", "mprotect_fixup", `${hex(fields.start)} is sealed`);
    if (flags !== fields.flags) {
      const unsplittable = maySplit(vma, at, to);
      if (unsplittable !== undefined) return unsplittable;
      const part = modifyVma(vma, at, to, { flags });
      const isPrivate = (flags & VmFlag.shared) === 0;
      changeProtection(part, at, to, { tryWritable: isPrivate && (flags & VmFlag.write) !== 0 });
    }
    at = to;
  }
  return at < end ? refuse("ENOMEM", fn, `nothing is mapped at ${hex(at)}`) : null;
}
