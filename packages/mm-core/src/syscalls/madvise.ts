import { type Hva, isPageAligned, pageAlign } from "../addresses.js";
import { hex, type Refusal, type Result, refuse } from "../errno.js";
import { NotModelled } from "../not-modelled.js";
import type { Task } from "../task.js";
import { type Vma, VmFlag } from "../vma.js";
import { modifyVma } from "../vma-tree.js";
import { freeBatch, zapVmaRangeBatched } from "../zap.js";

/** One advice: what it does to `[start, end)` of one mapping. */
interface Advice {
  /** Changes the mapping: needs mmap_lock for writing. */
  readonly changesMapping: boolean;
  readonly apply: (vma: Vma, start: Hva, end: Hva) => Refusal | undefined;
}

export const Madv = { dontneed: 4, hugepage: 14, nohugepage: 15 } as const;

/** What madvise_behavior_valid() knows on arm64, besides {@link Madv}: not modelled. */
const KNOWN = [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 100, 101, 102, 103];

const ADVICE: Readonly<Record<number, Advice>> = {
  [Madv.dontneed]: { changesMapping: false, apply: dontneed },
  [Madv.hugepage]: { changesMapping: true, apply: (vma, start, end) => setFlags(vma, start, end, VmFlag.hugepage, VmFlag.nohugepage) },
  [Madv.nohugepage]: { changesMapping: true, apply: (vma, start, end) => setFlags(vma, start, end, VmFlag.nohugepage, VmFlag.hugepage) },
};

/** madvise(2). An advice that the model lacks throws {@link NotModelled}. */
export function madvise(task: Task, addr: Hva, length: number, advice: number): Result<0> {
  const fn = "madvise_should_skip";
  const known = ADVICE[advice];
  if (known === undefined) {
    if (KNOWN.includes(advice)) throw new NotModelled(`madvise with advice ${advice}`);
    return refuse("EINVAL", "madvise_behavior_valid", `advice ${advice} is unknown`);
  }
  if (!isPageAligned(addr)) return refuse("EINVAL", fn, `address ${hex(addr)} is not page-aligned`);
  const end = addr + pageAlign(length);
  if (end >= 2 ** 64) return refuse("EINVAL", fn, `${hex(addr)} plus ${hex(length)} wraps`);
  if (end === addr) return 0;
  const { mm } = task;
  if (known.changesMapping) mm.mmapLock.writeLock();
  else mm.mmapLock.readLock();
  // madvise_walk_vmas(): a hole is remembered, and the rest is done all the same.
  let at = addr;
  let hole: Hva | null = null;
  let refused: Refusal | undefined;
  while (at < end) {
    const vma = mm.vmas.first(at, end);
    if (vma === undefined) break;
    const fields = vma.fields;
    if (fields.start > at) hole ??= at;
    const from = Math.max(at, fields.start);
    const to = Math.min(fields.end, end);
    refused = known.apply(vma, from, to);
    if (refused !== undefined) break;
    at = to;
  }
  if (at < end) hole ??= at;
  if (known.changesMapping) mm.mmapLock.writeUnlock();
  else mm.mmapLock.readUnlock();
  if (refused !== undefined) return refused;
  return hole === null ? 0 : refuse("ENOMEM", "madvise_walk_vmas", `nothing is mapped at ${hex(hole)}`);
}

/** madvise_dontneed_single_vma() */
function dontneed(vma: Vma, start: Hva, end: Hva): Refusal | undefined {
  const { flags } = vma.fields;
  if ((flags & (VmFlag.locked | VmFlag.pfnmap)) !== 0) {
    return refuse("EINVAL", "madvise_dontneed_free_valid_vma", `the mapping at ${hex(start)} is locked`);
  }
  freeBatch(vma.mm.host, zapVmaRangeBatched(vma, start, end, {}));
  return undefined;
}

/** madvise_update_vma() */
function setFlags(vma: Vma, start: Hva, end: Hva, set: number, clear: number): undefined {
  const { flags } = vma.fields;
  const now = (flags & ~clear) | set;
  if (now !== flags) modifyVma(vma, start, end, { flags: now });
}
