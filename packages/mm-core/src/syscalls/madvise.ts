import { type Hva, isPageAligned, pageAlign } from "../addresses.js";
import type { Advice } from "../advice/advice.js";
import { madviseCold, madvisePageout } from "../advice/cold.js";
import { madviseCollapse } from "../advice/collapse.js";
import { dontneed } from "../advice/dontneed.js";
import { flagAdvice, notSpecial, notSpecialOrHugetlb, onlyPrivateAnonymous } from "../advice/flags.js";
import { madviseFree } from "../advice/free.js";
import { guardInstall, guardRemove } from "../advice/guard.js";
import { injectError } from "../advice/inject-error.js";
import { ksmMergeable, ksmUnmergeable } from "../advice/mergeable.js";
import { madviseRemove } from "../advice/remove.js";
import { madviseWillneed } from "../advice/willneed.js";
import { type Errno, hex, type Refusal, type Result, refuse } from "../errno.js";
import type { Mm } from "../mm.js";
import { faultinPageRange } from "../populate.js";
import type { Task } from "../task.js";
import { isAnonymous, type Vma, VmFlag } from "../vma.js";

export const Madv = {
  normal: 0,
  random: 1,
  sequential: 2,
  willneed: 3,
  dontneed: 4,
  free: 8,
  remove: 9,
  dontfork: 10,
  dofork: 11,
  mergeable: 12,
  unmergeable: 13,
  hugepage: 14,
  nohugepage: 15,
  dontdump: 16,
  dodump: 17,
  wipeonfork: 18,
  keeponfork: 19,
  cold: 20,
  pageout: 21,
  populateRead: 22,
  populateWrite: 23,
  dontneedLocked: 24,
  collapse: 25,
  hwpoison: 100,
  softOffline: 101,
  guardInstall: 102,
  guardRemove: 103,
} as const;

function reading(apply: Advice["apply"], discards = false): Advice {
  return { changesMapping: false, discards, apply };
}

const ADVICE: Readonly<Record<number, Advice>> = {
  [Madv.normal]: flagAdvice(0, VmFlag.randRead | VmFlag.seqRead),
  [Madv.random]: flagAdvice(VmFlag.randRead, VmFlag.seqRead),
  [Madv.sequential]: flagAdvice(VmFlag.seqRead, VmFlag.randRead),
  [Madv.willneed]: reading(madviseWillneed),
  [Madv.dontneed]: reading((vma, start, end) => dontneed(vma, start, end, false), true),
  [Madv.free]: reading(madviseFree, true),
  [Madv.remove]: reading(madviseRemove, true),
  [Madv.dontfork]: flagAdvice(VmFlag.dontcopy, 0),
  [Madv.dofork]: flagAdvice(0, VmFlag.dontcopy, notSpecial),
  [Madv.mergeable]: { changesMapping: true, apply: ksmMergeable },
  [Madv.unmergeable]: { changesMapping: true, apply: ksmUnmergeable },
  [Madv.hugepage]: flagAdvice(VmFlag.hugepage, VmFlag.nohugepage),
  [Madv.nohugepage]: flagAdvice(VmFlag.nohugepage, VmFlag.hugepage),
  [Madv.dontdump]: flagAdvice(VmFlag.dontdump, 0),
  [Madv.dodump]: flagAdvice(0, VmFlag.dontdump, notSpecialOrHugetlb),
  [Madv.wipeonfork]: flagAdvice(VmFlag.wipeonfork, 0, onlyPrivateAnonymous),
  [Madv.keeponfork]: flagAdvice(0, VmFlag.wipeonfork),
  [Madv.cold]: reading(madviseCold),
  [Madv.pageout]: reading(madvisePageout),
  [Madv.dontneedLocked]: reading((vma, start, end) => dontneed(vma, start, end, true), true),
  [Madv.collapse]: reading(madviseCollapse),
  [Madv.guardInstall]: reading(guardInstall, true),
  [Madv.guardRemove]: reading(guardRemove),
};

/** madvise(2) */
export function madvise(task: Task, addr: Hva, length: number, advice: number): Result<0> {
  return refuseUnknown(advice) ?? adviseRange(task, task.mm, addr, length, advice);
}

/** madvise_behavior_valid() */
export function refuseUnknown(advice: number): Refusal | undefined {
  if (Object.values<number>(Madv).includes(advice)) return undefined;
  return refuse("EINVAL", "madvise_behavior_valid", `advice ${advice} is unknown`);
}

/** do_madvise() of one range, with an advice that exists. @param mm another process's for a few advices only */
export function adviseRange(task: Task, mm: Mm, addr: Hva, length: number, advice: number): Result<0> {
  const fn = "check_input_range";
  if (!isPageAligned(addr)) return refuse("EINVAL", fn, `address ${hex(addr)} is not page-aligned`);
  const end = addr + pageAlign(length);
  if (end >= 2 ** 64) return refuse("EINVAL", fn, `${hex(addr)} plus ${hex(length)} wraps`);
  if (end === addr) return 0;
  switch (advice) {
    case Madv.hwpoison:
    case Madv.softOffline:
      return injectError(task, addr, addr + length, advice === Madv.softOffline);
    case Madv.populateRead:
    case Madv.populateWrite:
      return populate(task, addr, end, advice === Madv.populateWrite);
    default:
      return walkVmas(task, mm, addr, end, ADVICE[advice]!);
  }
}

/** madvise_populate() */
function populate(task: Task, start: Hva, end: Hva, write: boolean): Result<0> {
  const error: Errno | null = faultinPageRange(task, start, end, write);
  return error === null ? 0 : refuse(error, "madvise_populate", "a page cannot be faulted in");
}

/** madvise_walk_vmas(): a hole is remembered, and the rest is done all the same. */
function walkVmas(task: Task, mm: Mm, start: Hva, end: Hva, advice: Advice): Result<0> {
  if (advice.changesMapping) mm.mmapLock.writeLock();
  else mm.mmapLock.readLock();
  let at = start;
  let hole: Hva | null = null;
  let refused: Refusal | undefined;
  while (at < end && refused === undefined) {
    const vma = mm.vmas.first(at, end);
    if (vma === undefined) break;
    const fields = vma.fields;
    if (fields.start > at) hole ??= at;
    const from = Math.max(at, fields.start);
    const to = Math.min(fields.end, end);
    refused = refuseSealed(vma, advice) ?? advice.apply(vma, from, to, task);
    at = to;
  }
  if (at < end) hole ??= at;
  if (advice.changesMapping) mm.mmapLock.writeUnlock();
  else mm.mmapLock.readUnlock();
  if (refused !== undefined) return refused;
  return hole === null ? 0 : refuse("ENOMEM", "madvise_walk_vmas", `nothing is mapped at ${hex(hole)}`);
}

/** can_madvise_modify(): contents of a sealed mapping that nobody may write stay. */
function refuseSealed(vma: Vma, { discards }: Advice): Refusal | undefined {
  const fields = vma.fields;
  if ((fields.flags & VmFlag.sealed) === 0 || discards !== true || !isAnonymous(fields)) return undefined;
  if ((fields.flags & VmFlag.write) !== 0) return undefined;
  return refuse("EPERM", "can_madvise_modify", `the mapping at ${hex(fields.start)} is sealed and read-only`);
}
