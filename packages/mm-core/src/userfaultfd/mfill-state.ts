import type { Hva } from "../addresses.js";
import { hex, type Refusal, type Result, refuse } from "../errno.js";
import { anonVmaPrepare } from "../rmap.js";
import type { Task } from "../task.js";
import { type Vma, VmFlag } from "../vma.js";
import type { Userfaultfd } from "./context.js";

/** struct mfill_state: what UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_CONTINUE and UFFDIO_POISON are to do. */
export interface Mfill {
  readonly task: Task;
  readonly ctx: Userfaultfd;
  readonly mode: "copy" | "zeropage" | "continue" | "poison";
  readonly start: Hva;
  readonly length: number;
  /** Where UFFDIO_COPY copies from, in the memory of `task`. */
  readonly source: Hva;
  /** MFILL_ATOMIC_WP: what is mapped is write-protected. */
  readonly writeProtect: boolean;
}

/** How far it came, in bytes, and why not further. */
export interface Filled {
  readonly bytes: number;
  readonly refusal?: Refusal;
}

/** mfill_get_vma(): the mapping that is to be filled, with mmap_lock held. */
export function mfillVma({ ctx, start, length, mode, writeProtect }: Mfill): Result<Vma> {
  const vma = ctx.mm.vmaAt(start);
  if (vma === undefined) return refuse("ENOENT", "uffd_lock_vma", `nothing is mapped at ${hex(start)}`);
  const { flags, end, uffd, file } = vma.fields;
  if ((flags & VmFlag.shared) === 0) anonVmaPrepare(vma);
  if (start + length > end || uffd === undefined) {
    return refuse(
      "ENOENT",
      "validate_dst_vma",
      uffd === undefined
        ? `the mapping at ${hex(start)} is registered with no userfaultfd`
        : `${hex(start)}-${hex(start + length)} is not all within one mapping`,
    );
  }
  const fn = "mfill_get_vma";
  if (writeProtect && (flags & VmFlag.uffdWp) === 0)
    return refuse("EINVAL", fn, "the mapping is not registered for write protection");
  if ((flags & VmFlag.hugetlb) !== 0) return vma;
  if (file !== null && file.ops.uffdOps === undefined)
    return refuse("EINVAL", fn, `userfaultfd cannot fill a ${file.ops.kind} file`);
  if (mode === "continue" && file === null)
    return refuse("EINVAL", fn, "the mapping is anonymous: there is no file whose page could be mapped");
  return vma;
}
