import fc from "fast-check";
import { PAGE_SIZE, PMD_PAGES, PMD_SIZE } from "../../addresses.js";
import { lruGenAge } from "../../ageing/lru-gen.js";
import { isRefusal } from "../../errno.js";
import { ksmRun } from "../../ksm/scan.js";
import { taskNumaWork } from "../../numa/scan.js";
import { MpolMf } from "../../queue-pages.js";
import { FallocFlag } from "../../shmem.js";
import { clearRefs } from "../../syscalls/clear-refs.js";
import { PinLongtermFlag, pinLongtermTestStart } from "../../syscalls/gup-test.js";
import { Madv, madvise } from "../../syscalls/madvise.js";
import { mbind } from "../../syscalls/mempolicy.js";
import { movePages } from "../../syscalls/migrate.js";
import { mlock, munlock } from "../../syscalls/mlock.js";
import { Prot } from "../../syscalls/mmap.js";
import { mprotect } from "../../syscalls/mprotect.js";
import { MremapFlag, mremap } from "../../syscalls/mremap.js";
import { PageIs, PmScan, pagemapScan } from "../../syscalls/pagemap-scan.js";
import { killProcess, processMrelease } from "../../syscalls/process-mrelease.js";
import { compactMemory } from "../../syscalls/reclaim.js";
import { uffdioMove } from "../../syscalls/uffdio-fill.js";
import { UffdWriteprotect, uffdioWriteprotect } from "../../syscalls/userfaultfd.js";
import { splitHugePagesAll } from "../../thp/split-all.js";
import { ok } from "../machine.js";
import { addressOf, type KindName, kindNames, kindOf, rangeOf, SPOTS } from "./kinds-of-memory.js";
import { World } from "./world.js";

/** What touches contents, and what must not. */
const CALLS = [
  "write",
  "write",
  "write",
  "write",
  "write",
  "write",
  "write",
  "write",
  "read",
  "read",
  "read",
  "dontneed",
  "punch",
  "truncate",
  "replace",
  "uffd move",
  "remap",
  "fork",
  "fork",
  "fork",
  "exit",
  "reap",
  "pageout",
  "pageout",
  "pageout",
  "cold",
  "age",
  "move",
  "bind",
  "numa",
  "compact",
  "collapse",
  "split",
  "merge",
  "unmerge",
  "protect",
  "hide",
  "lock",
  "unlock",
  "populate",
  "huge",
  "write-protect",
  "unprotect",
  "scan",
  "scan",
  "pin",
  "unpin",
  "soft offline",
  "clear_refs",
] as const;

const ALL_SPOTS = Array.from({ length: SPOTS }, (_, spot) => spot);

/** One random call. */
export interface Step {
  readonly call: (typeof CALLS)[number];
  readonly kind: KindName;
  readonly spot: number;
  readonly spots: number;
  /** Of the process that makes it. */
  readonly actor: number;
  readonly value: number;
}

/** Calls in an order, and what there is before them. */
export interface Sequence {
  readonly kinds: readonly KindName[];
  /** All of it was written to once. */
  readonly isWritten: boolean;
  /** Children that the first process has already. */
  readonly children: number;
  readonly steps: readonly Step[];
}

/** Of few kinds of memory at a time, so that calls meet. */
export const anyCalls = (
  maxLength: number,
  among: readonly KindName[] = kindNames.slice(1),
): fc.Arbitrary<Sequence> =>
  fc.subarray([...among], { minLength: 0, maxLength: Math.min(3, among.length) }).chain((others) => {
    const kinds: readonly KindName[] = ["anon", ...others];
    const step: fc.Arbitrary<Step> = fc.record({
      call: fc.constantFrom(...CALLS),
      kind: fc.constantFrom(...kinds),
      spot: fc.nat(SPOTS - 1),
      spots: fc.integer({ min: 1, max: 2 }),
      actor: fc.nat(2),
      value: fc.integer({ min: 1, max: 4 }),
    });
    return fc.record({
      kinds: fc.constant(kinds),
      isWritten: fc.boolean(),
      children: fc.constantFrom(0, 0, 1, 2),
      steps: fc.array(step, { minLength: 5, maxLength, size: "max" }),
    });
  });

/** The world before the first call. */
export function begin({ kinds, isWritten, children }: Sequence, deafTo: string | null): World {
  const w = new World(kinds, deafTo);
  if (isWritten)
    for (const kind of kinds.filter((name) => name !== "lazy"))
      for (const spot of ALL_SPOTS) w.write(w.first, kind, spot, 5 + (spot >> 1));
  for (let child = 0; child < children; child++) w.fork(w.actor(child));
  return w;
}

/** Makes one call, and says of the contents what it does to them. */
export function makeCall(w: World, { call, kind, spot, spots, actor: number, value }: Step): void {
  const { host } = w.m;
  const actor = w.actor(number);
  const { task } = actor;
  const { start, length, hit } = rangeOf(kind, spot, spots);
  const { file, pages } = kindOf(kind);
  switch (call) {
    case "write":
      for (const at of hit) w.write(actor, kind, at, value);
      return;
    case "read":
      w.read(actor, kind, spot);
      return;
    case "dontneed":
      // Of a locked mapping nothing would go.
      munlock(task, start, length);
      ok(madvise(task, start, length, Madv.dontneed));
      w.forget(actor, kind, hit);
      return;
    case "punch":
      if (file === undefined) return;
      w.fallocate(file, FallocFlag.keepSize | FallocFlag.punchHole, start - kindOf(kind).start, length);
      // hugetlb_vmdelete_list() takes private copies as well.
      w.forgetFile(file, hit, file === "hugetlb");
      return;
    case "truncate": {
      if (file === undefined) return;
      w.truncate(file, (start - kindOf(kind).start) / PAGE_SIZE);
      w.truncate(file, pages);
      w.forgetFile(file, ALL_SPOTS.slice(hit[0]), true);
      return;
    }
    case "replace":
      if (actor !== w.first) return;
      w.map(task, kind);
      w.forget(actor, kind, ALL_SPOTS);
      watchAgain(w, kind);
      return;
    case "uffd move": {
      if (!w.kinds.includes("lazy") || w.expected(w.first, "lazy", spot) !== undefined) return;
      // A part of a huge page that is pinned is tried for ever.
      const from = kind !== "thp" || host.longtermPins.peek() !== null ? "anon" : "thp";
      const moved = uffdioMove(
        w.first.task,
        w.uffd,
        addressOf("lazy", spot),
        addressOf(from, spot),
        PAGE_SIZE,
        0,
      );
      if (!isRefusal(moved)) w.moved(from, "lazy", spot);
      return;
    }
    case "remap": {
      // There and back: through page tables of its own.
      const away = 0x2300_0000_0000;
      // What was promised to a mapping of huge pages is lost to what stays of it (fixup_hugetlb_reservations()).
      const all = kind === "hugetlb" || kind === "privateHugetlb";
      const from = all ? kindOf(kind).start : start;
      const size = all ? pages * PAGE_SIZE : length;
      const args = { oldSize: size, newSize: size, flags: MremapFlag.mayMove | MremapFlag.fixed };
      // Several mappings move together only where none has a userfaultfd.
      if (isRefusal(mremap(task, { ...args, oldAddress: from, newAddress: away }))) return;
      ok(mremap(task, { ...args, oldAddress: away, newAddress: from }));
      if (actor === w.first) watchAgain(w, kind);
      return;
    }
    case "fork":
      w.fork(actor);
      return;
    case "exit":
      w.exit();
      return;
    case "reap":
      w.exit((dying) => {
        killProcess(dying.task.process);
        ok(processMrelease(dying.task.process, 0));
      });
      return;
    case "pageout":
      madvise(task, start, length, Madv.pageout);
      return;
    case "cold":
      madvise(task, start, length, Madv.cold);
      return;
    case "age":
      lruGenAge(task.mm, value % 2);
      return;
    case "move":
      movePages(task, addressOf(kind, spot), 1, PAGE_SIZE, value % 2, MpolMf.moveAll);
      return;
    case "bind":
      mbind(task, start, length, "MPOL_BIND", 0, [value % 2], value > 2 ? MpolMf.move : MpolMf.moveAll);
      mbind(task, start, length, "MPOL_DEFAULT", 0, [], 0);
      return;
    case "numa":
      task.cpu.set(value % 2);
      taskNumaWork(task, 1);
      return;
    case "compact":
      compactMemory(task);
      return;
    case "collapse":
      madvise(task, kindOf(kind).start, pages * PAGE_SIZE, Madv.collapse);
      return;
    case "split":
      splitHugePagesAll(host);
      return;
    case "merge":
      if (pages === SPOTS) madvise(task, kindOf(kind).start, SPOTS * PAGE_SIZE, Madv.mergeable);
      else madvise(task, start, length, Madv.mergeable);
      ksmRun(host, 2);
      return;
    case "unmerge":
      madvise(task, start, length, Madv.unmergeable);
      return;
    case "protect":
    case "hide":
      ok(mprotect(task, start, length, call === "protect" ? Prot.read : 0));
      ok(mprotect(task, start, length, Prot.read | Prot.write));
      return;
    case "lock":
      // What is missing would have to be waited for.
      if (kind === "lazy" || kind === "minor") return;
      if (!isRefusal(mlock(task, start, length))) w.keep(actor, kind, hit);
      return;
    case "unlock":
      munlock(task, start, length);
      return;
    case "populate":
      if (kind === "lazy" || kind === "minor") return;
      ok(madvise(task, start, length, value % 2 === 0 ? Madv.populateRead : Madv.populateWrite));
      if (value % 2 !== 0) w.keep(actor, kind, hit);
      return;
    case "huge":
      madvise(task, start - (start % PMD_SIZE), PMD_SIZE, value % 2 === 0 ? Madv.hugepage : Madv.nohugepage);
      return;
    case "write-protect":
    case "unprotect": {
      const range = rangeOf("anon", spot, spots);
      const mode = call === "write-protect" ? UffdWriteprotect.wp : 0;
      ok(uffdioWriteprotect(w.first.task, w.wpUffd, range.start, range.length, mode));
      if (mode !== 0) for (const at of range.hit) w.written.delete(at);
      return;
    }
    case "scan":
      for (const at of ALL_SPOTS) scanWritten(w, at);
      return;
    case "pin": {
      if (host.longtermPins.peek() !== null || w.expected(w.first, kind, spot) === undefined) return;
      // To read alone: a huge page of a file is mapped anew by each fault that should make a private copy, for ever.
      const flags = value % 2 === 0 || kind === "privateThp" ? PinLongtermFlag.useWrite : 0;
      if (!isRefusal(pinLongtermTestStart(w.first.task, addressOf(kind, spot), PAGE_SIZE, flags)))
        w.pin(kind, spot);
      return;
    }
    case "unpin":
      w.unpin();
      return;
    case "soft offline":
      if (kindOf(kind).unit < PMD_PAGES) madvise(task, addressOf(kind, spot), PAGE_SIZE, Madv.softOffline);
      return;
    case "clear_refs":
      clearRefs(task, value);
      return;
  }
}

/** A mapping that was made anew, or that has moved, has no userfaultfd. */
function watchAgain(w: World, kind: KindName): void {
  if (kind === "anon" || kind === "lazy" || kind === "minor") w.register(kind);
}

/** PAGEMAP_SCAN tells of every page that was written to since it last did, and protects it again. */
function scanWritten(w: World, spot: number): void {
  const found = ok(
    pagemapScan(w.first.task, {
      start: addressOf("anon", spot),
      length: PAGE_SIZE,
      flags: PmScan.wpMatching | PmScan.checkWpAsync,
      categoryMask: PageIs.written,
      returnMask: PageIs.written,
      vecLen: 1,
    }),
  );
  if (found === 0 && w.written.has(spot)) throw new Error(`a write to anon ${spot} was not told of`);
  w.written.delete(spot);
}
