import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PMD_SIZE } from "../addresses.js";
import type { Host } from "../host.js";
import type { Mm } from "../mm.js";
import { Process, Task } from "../task.js";
import { isAnonymous, type Vma } from "../vma.js";
import { thpVmaKhugepaged } from "./allowable.js";
import { collapseSinglePmd } from "./collapse.js";

/**
 * khugepaged(), awake until it has looked at all of each process' memory so many times (khugepaged/full_scans). It runs
 * on CPU 0.
 */
export function khugepagedRun(host: Host, fullScans: number): void {
  for (let scan = 0; scan < fullScans && host.thp.runsKhugepaged; scan++) {
    host.lru.drain();
    for (const mm of host.khugepaged.get()) collapseScanMmSlot(host, mm);
  }
}

/** collapse_scan_mm_slot(), until nothing of the address space is left. */
function collapseScanMmSlot(host: Host, mm: Mm): void {
  const khugepaged = host.store.create(
    () => new Task(new Process(host, "khugepaged", 0, mm), "khugepaged", 0, 0),
  );
  for (let address: Hva | null = 0; address !== null; ) {
    mm.mmapLock.readLock();
    const isAlive = mm.users.get() > 0;
    const vma: Vma | undefined = isAlive ? mm.vmas.first(address, Number.MAX_SAFE_INTEGER) : undefined;
    address = vma === undefined ? null : scanOne(vma, address, khugepaged);
    mm.mmapLock.readUnlock();
  }
}

/** Looks at the next 2 MiB of a mapping, if there are any. @returns where to go on */
function scanOne(vma: Vma, from: Hva, khugepaged: Task): Hva {
  const { fields, mm } = vma;
  const first = Math.ceil(Math.max(from, fields.start) / PMD_SIZE) * PMD_SIZE;
  const end = Math.floor(fields.end / PMD_SIZE) * PMD_SIZE;
  if (first >= end || !thpVmaKhugepaged(vma)) return fields.end;
  // Where private memory has no tables, there is nothing to be found.
  if (isAnonymous(fields) && mm.pmd(first) === null) return Math.min(mm.pmdEnd(first, end), fields.end);
  collapseSinglePmd(vma, first, khugepaged, "khugepaged");
  return first + PMD_SIZE;
}

nameFunctions({
  khugepaged: khugepagedRun,
  collapse_scan_mm_slot: collapseScanMmSlot,
});
