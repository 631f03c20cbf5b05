import { type Hva, type Node, PAGE_SIZE } from "../addresses.js";
import { ERRNO, type Errno, hex, type Result, refuse } from "../errno.js";
import { leafAt } from "../leaf.js";
import { isolateLru } from "../migrate.js";
import { type Move, migratePages } from "../migrate-list.js";
import { PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { MpolMf, queuePagesRange } from "../queue-pages.js";
import { isMaybeMappedShared } from "../rmap.js";
import type { Task } from "../task.js";
import { VmFlag } from "../vma.js";

/** What move_pages tells: how many pages it failed to move, and per page its node, an error, or nothing (null). */
export interface MovedPages {
  readonly failed: number;
  readonly status: readonly (number | null)[];
}

/** move_pages(2) to one node (do_pages_move), by root and on the task's own memory. */
export function movePages(
  task: Task,
  addr: Hva,
  count: number,
  stride: number,
  node: Node,
  flags: number,
): Result<MovedPages> {
  const fn = "do_pages_move";
  const { mm } = task;
  const { host } = mm;
  if ((flags & ~(MpolMf.move | MpolMf.moveAll)) !== 0) {
    return refuse("EINVAL", "kernel_move_pages", `flags ${hex(flags)}`, "MPOL_MF_MOVE, MPOL_MF_MOVE_ALL");
  }
  if (node < 0 || node >= host.nodes) return refuse("ENODEV", fn, `node ${node} has no memory`);
  host.lru.drain();
  const status: (number | null)[] = Array.from({ length: count }, () => null);
  let queue: { readonly page: number; readonly move: Move }[] = [];
  /** move_pages_and_store_status() */
  const flush = (): number => {
    const failed = migratePages(
      host,
      queue.map(({ move }) => move),
    );
    if (failed === 0) for (const { page } of queue) status[page] = node;
    queue = [];
    return failed;
  };
  for (let page = 0; page < count; page++) {
    const added = addFolioForMigration(task, addr + page * stride, node, (flags & MpolMf.moveAll) !== 0);
    if (typeof added === "object") {
      queue.push({ page, move: added });
      continue;
    }
    status[page] = added;
    const failed = flush();
    if (failed > 0) return { failed: failed + count - page - 1, status };
  }
  return { failed: flush(), status };
}

/** add_folio_for_migration(): the isolated folio, or what is to be said of a page that needs or can have no move. */
function addFolioForMigration(task: Task, address: Hva, node: Node, all: boolean): Move | number {
  const { mm } = task;
  const { frames } = mm.host;
  mm.mmapLock.readLock();
  const vma = mm.vmaAt(address);
  const leaf = leafAt(mm, address);
  let result: Move | number;
  if (vma === undefined || (vma.fields.flags & VmFlag.pfnmap) !== 0) result = error("EFAULT");
  else if (leaf === null || !ptePresent(leaf.pte)) result = error("ENOENT");
  else if (pteHas(leaf.pte, PteFlag.special)) result = error("EFAULT");
  else {
    const folio = frames.folio(ptePfn(leaf.pte));
    if (frames.nodeOf(folio) === node) result = node;
    else if (!all && isMaybeMappedShared(frames, folio)) result = error("EACCES");
    else result = isolateLru(mm.host, folio) ? { folio, node } : error("EBUSY");
  }
  mm.mmapLock.readUnlock();
  return result;
}

function error(errno: Errno): number {
  return -ERRNO[errno];
}

/** migrate_pages(2) of the task's own pages, by root. @returns how many could not be moved */
export function migrateTaskPages(task: Task, from: readonly Node[], to: readonly Node[]): Result<number> {
  const { mm } = task;
  const { host } = mm;
  const online = to.filter((node) => node < host.nodes);
  if (online.length === 0)
    return refuse("EINVAL", "kernel_migrate_pages", `none of the nodes ${to.join(", ")} has memory`);
  host.lru.drain();
  let failed = 0;
  // do_migrate_pages(): each node to the one at the same place in the other list.
  const pairs = from.flatMap((source, place) => {
    if (from.length !== to.length && to.includes(source)) return [];
    const target = to[place % to.length]!;
    return source === target ? [] : [{ source, target }];
  });
  for (const { source, target } of pairs.reverse()) {
    mm.mmapLock.readLock();
    const found = queuePagesRange(mm, 0, WHOLE, MpolMf.moveAll, (node) => node === source);
    mm.mmapLock.readUnlock();
    failed +=
      found.failed +
      migratePages(
        host,
        found.queued.map(({ folio }) => ({ folio, node: target })),
      );
  }
  return failed;
}

const WHOLE = Number.MAX_SAFE_INTEGER - (Number.MAX_SAFE_INTEGER % PAGE_SIZE);
