import { nameFunctions } from "@kvmm/interleave";
import type { Node, Pfn } from "../addresses.js";
import type { Fault, FaultError, PteFault } from "../fault/fault.js";
import type { Frames } from "../frames.js";
import { vmaPolicy } from "../mempolicy.js";
import { isolateLru, migratePage } from "../migrate.js";
import { PageFlag } from "../page-flags.js";
import { canBecomeWritable, maybeWrite, pageProt, pteModify } from "../prot.js";
import { PteFlag, pteChange, pteHas, ptePfn } from "../pte.js";
import { isMaybeMappedShared } from "../rmap.js";
import type { Task } from "../task.js";
import { VmFlag } from "../vma.js";

/** Passes of the scan until a task's first choices count as settled (should_numa_migrate_memory). */
const EARLY_SCANS = 4;

/** do_numa_page(): a hinting fault: maps the page again, and moves it to the node of the toucher if the policy says so. */
export function doNumaPage(fault: PteFault): FaultError | null {
  const { vma, fields, orig, table, index } = fault;
  const { mm } = vma;
  const { host } = mm;
  const { frames } = host;
  mm.pageTableLock.lock();
  if (table.get(index) !== orig) {
    mm.pageTableLock.unlock();
    return null;
  }
  const pte = pteModify(orig, pageProt(fields));
  const writable = pteHas(pte, PteFlag.write) || canBecomeWritable(frames, fields, pte);
  const pfn = ptePfn(pte);
  if (!pteHas(pte, PteFlag.special)) {
    noteAccess(fault);
    const target = misplaced(fault, pfn);
    if (target !== null && isMigratable(fault, pfn) && isolateLru(host, pfn)) {
      mm.pageTableLock.unlock();
      if (migratePage(host, pfn, target)) return null;
      mm.pageTableLock.lock();
      if (table.get(index) !== orig) {
        mm.pageTableLock.unlock();
        return null;
      }
    }
  }
  table.set(index, pteChange(pte, PteFlag.young | (writable ? maybeWrite(fields) : 0), 0));
  mm.pageTableLock.unlock();
  return null;
}

/** vma_set_access_pid_bit() */
export function noteAccess({ task, vma }: Fault): void {
  vma.numab.update((state) =>
    state === null || state.pidsActive.includes(task.pid)
      ? state
      : { ...state, pidsActive: [...state.pidsActive, task.pid] },
  );
}

/** migrate_misplaced_folio_prepare(): what NUMA balancing does not move. */
export function isMigratable(fault: Fault, pfn: Pfn): boolean {
  const { frames } = fault.vma.mm.host;
  const fileLru = !frames.test(pfn, PageFlag.swapbacked);
  if (!fileLru) return true;
  if ((fault.fields.flags & VmFlag.exec) !== 0 && isMaybeMappedShared(frames, pfn)) return false;
  return !frames.test(pfn, PageFlag.dirty);
}

/** mpol_misplaced(): the node where the policy wants the page, or null when it is well where it is. */
export function misplaced(fault: Fault, pfn: Pfn): Node | null {
  const { task, vma, address } = fault;
  const { frames } = vma.mm.host;
  const policy = vmaPolicy(task, vma, address);
  if (!policy.migrateOnFault) return null;
  const current = frames.nodeOf(pfn);
  const here = task.node;
  let wanted: Node;
  switch (policy.mode) {
    case "MPOL_INTERLEAVE":
    case "MPOL_WEIGHTED_INTERLEAVE":
      wanted = policy.nodes[fault.pgoff % policy.nodes.length]!;
      break;
    case "MPOL_PREFERRED":
      if (policy.nodes.includes(current)) return null;
      wanted = policy.nodes[0] ?? here;
      break;
    case "MPOL_BIND":
    case "MPOL_PREFERRED_MANY":
      if (policy.towardsToucher) {
        if (!policy.nodes.includes(here)) return null;
        wanted = here;
        break;
      }
      if (policy.nodes.includes(current)) return null;
      wanted = policy.nodes.includes(here) ? here : policy.nodes[0]!;
      break;
    default:
      wanted = here;
  }
  if (policy.towardsToucher) {
    if (!shouldMigrate(task, frames, pfn, here)) return null;
    wanted = here;
  }
  return wanted === current ? null : wanted;
}

/** should_numa_migrate_memory(): early on any private toucher, later only one that comes twice from the same node. */
function shouldMigrate(task: Task, frames: Frames, pfn: Pfn, here: Node): boolean {
  const folio = frames.folio(pfn);
  const last = frames.lastCpupid.get(folio);
  const mine = 1 + task.pid * 64 + here;
  frames.lastCpupid.set(folio, mine);
  const byMe = last !== 0 && Math.floor((last - 1) / 64) === task.pid;
  if (task.mm.numaScanSeq.get() <= EARLY_SCANS && (last === 0 || byMe)) return true;
  if (last !== 0 && (last - 1) % 64 !== here) return false;
  return true;
}

nameFunctions({
  do_numa_page: doNumaPage,
  vma_set_access_pid_bit: noteAccess,
  migrate_misplaced_folio_prepare: isMigratable,
  mpol_misplaced: misplaced,
  should_numa_migrate_memory: shouldMigrate,
});
