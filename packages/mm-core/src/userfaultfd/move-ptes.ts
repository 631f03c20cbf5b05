import { AGAIN, repeat } from "@kvmm/interleave";
import { entryEnd, type Hva, PAGE_SIZE, type Pfn, PMD_SIZE } from "../addresses.js";
import { hex, type Refusal, type Result, refuse } from "../errno.js";
import { pgoffOf } from "../file.js";
import { migrationEntryWait } from "../migration-entry.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import type { Table } from "../page-table.js";
import { isMaybeDmaPinned } from "../pin.js";
import { maybeWrite, pageProt } from "../prot.js";
import { mkPte, type Pte, PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { splitFolio } from "../thp/split-folio.js";
import type { MovePlace } from "./move.js";

const fn = "move_pages_ptes";

/** What comes of one attempt: bytes moved, an error, -EAGAIN, or the caller's page has to be waited for or split first. */
type Attempt = Result<number> | typeof AGAIN | { readonly lock: Pfn } | { readonly split: Pfn };

/**
 * move_pages_ptes(): moves as many pages as come one after the other within one table on either side, under a notifier
 * over all that is left to be moved. @returns bytes
 */
export function movePagesPtes(
  place: MovePlace,
  to: Hva,
  from: Hva,
  length: number,
  allowHoles: boolean,
): Result<number> | typeof AGAIN {
  const { mm } = place.source;
  const { frames, store } = mm.host;
  const range = invalidateRangeStart(mm, from, from + length, "CLEAR", "move_pages_ptes");
  const end = Math.min(
    entryEnd(from, PMD_SIZE, from + length),
    from + entryEnd(to, PMD_SIZE, to + length) - to,
  );
  const moved = repeat<Result<number> | "EAGAIN">(store, fn, () => {
    const attempt = attemptMove(place, to, from, end, allowHoles);
    if (typeof attempt !== "object" || !("lock" in attempt || "split" in attempt))
      return attempt === AGAIN ? "EAGAIN" : attempt;
    if ("lock" in attempt) {
      // It came with a reference, and is waited for without the page-table lock.
      frames.lock(attempt.lock);
      frames.unlock(attempt.lock);
      frames.put(attempt.lock);
      return AGAIN;
    }
    // It came locked and with a reference, which are the one page's afterwards.
    const isSplit = splitFolio(mm.host, attempt.split);
    frames.unlock(attempt.split);
    frames.put(attempt.split);
    return isSplit ? AGAIN : "EAGAIN";
  });
  invalidateRangeEnd(mm, range);
  return moved === "EAGAIN" ? AGAIN : moved;
}

/** One pass of the retry loop: what stands at the two addresses, and the move if it can be made at once. */
function attemptMove(place: MovePlace, to: Hva, from: Hva, end: Hva, allowHoles: boolean): Attempt {
  const { mm } = place.source;
  const { frames } = mm.host;
  const sources = mm.pteTable(from);
  const targets = mm.pteTable(to);
  if (sources === null || targets === null) return AGAIN;
  if (targets.get(targets.indexOf(to)) !== 0)
    return refuse("EEXIST", fn, `something is mapped at ${hex(to)}`);
  const orig = sources.get(sources.indexOf(from));
  if (orig === 0) {
    return allowHoles ? PAGE_SIZE : refuse("ENOENT", fn, `the source has nothing at ${hex(from)}`);
  }
  if (!ptePresent(orig)) return moveNonpresent(place, targets, sources, to, from, orig);
  mm.pageTableLock.lock();
  const result = movePresent(place, targets, sources, to, from, end, orig);
  mm.pageTableLock.unlock();
  if (typeof result === "object" && "split" in result && !frames.trylock(result.split)) {
    // A large folio is not waited for with a reference: nobody could split it then.
    frames.put(result.split);
    return AGAIN;
  }
  return result;
}

/** move_zeropage_pte(), move_present_ptes(). Under page_table_lock. */
function movePresent(
  { source, target }: MovePlace,
  targets: Table,
  sources: Table,
  to: Hva,
  from: Hva,
  end: Hva,
  orig: Pte,
): Attempt {
  const { mm } = source;
  const { frames, zeroPfn } = mm.host;
  if (sources.get(sources.indexOf(from)) !== orig || targets.get(targets.indexOf(to)) !== 0) return AGAIN;
  if (pteHas(orig, PteFlag.special)) {
    sources.set(sources.indexOf(from), 0);
    const flags = pageProt(target.fields) | PteFlag.special | PteFlag.young;
    targets.set(targets.indexOf(to), mkPte(zeroPfn, flags));
    return PAGE_SIZE;
  }
  const first = ptePfn(orig);
  if (!frames.test(first, PageFlag.anonExclusive))
    return refuse("EBUSY", fn, `the page at ${hex(from)} is not this process's alone`);
  if (frames.order(first) !== 0) {
    frames.get(first);
    return { split: first };
  }
  if (!frames.trylock(first)) {
    frames.get(first);
    return { lock: first };
  }
  const refused = moveLocked({ source, target }, targets, sources, to, from, orig);
  if (refused !== undefined) return refused;
  let moved = PAGE_SIZE;
  // check_ptes_for_batched_move(): whatever can be moved just so comes along.
  for (; from + moved < end; moved += PAGE_SIZE) {
    const next = sources.get(sources.indexOf(from + moved));
    const pfn = ptePfn(next);
    if (targets.get(targets.indexOf(to + moved)) !== 0) break;
    if (!ptePresent(next) || pteHas(next, PteFlag.special) || frames.order(pfn) !== 0) break;
    if (!frames.trylock(pfn)) break;
    if (!frames.test(pfn, PageFlag.anonExclusive)) {
      frames.unlock(pfn);
      break;
    }
    if (moveLocked({ source, target }, targets, sources, to + moved, from + moved, next) !== undefined) break;
  }
  return moved;
}

/** One page of move_present_ptes(): locked, which ends here. */
function moveLocked(
  { source, target }: MovePlace,
  targets: Table,
  sources: Table,
  to: Hva,
  from: Hva,
  orig: Pte,
): Refusal | undefined {
  const { frames } = source.mm.host;
  const { fields } = target;
  const pfn = ptePfn(orig);
  if (isMaybeDmaPinned(frames, pfn)) {
    frames.unlock(pfn);
    return refuse("EBUSY", fn, `the page at ${hex(from)} is pinned`);
  }
  sources.set(sources.indexOf(from), 0);
  // folio_move_anon_rmap()
  frames.setMapping(pfn, target.anonVma.get(), pgoffOf(fields, to));
  const flags = pageProt(fields) | maybeWrite(fields) | PteFlag.young | (orig & PteFlag.dirty);
  targets.set(targets.indexOf(to), mkPte(pfn, flags));
  frames.unlock(pfn);
  return undefined;
}

/** Entries that are neither none nor present: move_swap_pte(), and what is not moved. */
function moveNonpresent(
  { source }: MovePlace,
  targets: Table,
  sources: Table,
  to: Hva,
  from: Hva,
  orig: Pte,
): Attempt {
  const { mm } = source;
  const { frames } = mm.host;
  if (pteHas(orig, PteFlag.migration)) {
    migrationEntryWait(frames, orig);
    return AGAIN;
  }
  if (!pteHas(orig, PteFlag.swap))
    return refuse("EFAULT", fn, `there is no page at ${hex(from)}, but a marker`);
  if (!pteHas(orig, PteFlag.exclusive))
    return refuse("EBUSY", fn, `what was swapped out of ${hex(from)} may not be this process's alone`);
  mm.pageTableLock.lock();
  const stable = sources.get(sources.indexOf(from)) === orig && targets.get(targets.indexOf(to)) === 0;
  if (stable) {
    sources.set(sources.indexOf(from), 0);
    targets.set(targets.indexOf(to), orig);
  }
  mm.pageTableLock.unlock();
  return stable ? PAGE_SIZE : AGAIN;
}
