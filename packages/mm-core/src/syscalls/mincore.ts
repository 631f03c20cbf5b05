import { type Hva, isPageAligned, PAGE_SIZE, pages } from "../addresses.js";
import { hex, type Result, refuse } from "../errno.js";
import { pgoffOf } from "../file.js";
import { leafAt } from "../leaf.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteHas, ptePresent } from "../pte.js";
import type { Task } from "../task.js";
import type { Vma } from "../vma.js";

/** mincore(2). @returns per page whether it is in memory */
export function mincore(task: Task, addr: Hva, length: number): Result<readonly boolean[]> {
  const fn = "sys_mincore";
  if (!isPageAligned(addr)) return refuse("EINVAL", fn, `address ${hex(addr)} is not page-aligned`);
  if (addr + length > 2 ** 52)
    return refuse("ENOMEM", fn, `${hex(addr)} plus ${hex(length)} is beyond user space`);
  const { mm } = task;
  const resident: boolean[] = [];
  const count = pages(length + PAGE_SIZE - 1);
  mm.mmapLock.readLock();
  for (let page = 0; page < count; page++) {
    const address = addr + page * PAGE_SIZE;
    const vma = mm.vmaAt(address);
    if (vma === undefined) {
      mm.mmapLock.readUnlock();
      return refuse("ENOMEM", "do_mincore", `nothing is mapped at ${hex(address)}`);
    }
    resident.push(isResident(vma, address));
  }
  mm.mmapLock.readUnlock();
  return resident;
}

/** mincore_pte_range(), mincore_page(): where nothing is mapped, the page cache counts. */
function isResident(vma: Vma, address: Hva): boolean {
  const leaf = leafAt(vma.mm, address);
  if (leaf !== null && ptePresent(leaf.pte)) return true;
  if (leaf !== null && !pteHas(leaf.pte, PteFlag.marker)) return pteHas(leaf.pte, PteFlag.migration);
  const fields = vma.fields;
  const inode = fields.file?.inode;
  if (inode == null) return false;
  const pfn = inode.pages.get(pgoffOf(fields, address));
  return pfn !== 0 && vma.mm.host.frames.test(pfn, PageFlag.uptodate);
}
