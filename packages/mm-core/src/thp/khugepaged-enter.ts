import { nameFunctions } from "@kvmm/interleave";
import type { Host } from "../host.js";
import type { Mm } from "../mm.js";
import type { Vma } from "../vma.js";
import { thpVmaKhugepaged } from "./allowable.js";

/** khugepaged_enter_vma(): khugepaged looks at a process from when a mapping of it can have huge pages. */
export function khugepagedEnterVma(vma: Vma): void {
  const { host } = vma.mm;
  if (isEntered(vma.mm) || !host.thp.runsKhugepaged || !thpVmaKhugepaged(vma)) return;
  enter(host, vma.mm);
}

/** khugepaged_fork() */
export function khugepagedFork(mm: Mm, parent: Mm): void {
  if (isEntered(parent)) enter(mm.host, mm);
}

/** khugepaged_exit() */
export function khugepagedExit(mm: Mm): void {
  if (isEntered(mm)) mm.host.khugepaged.update((mms) => mms.filter((one) => one !== mm));
}

/** MMF_VM_HUGEPAGE */
function isEntered(mm: Mm): boolean {
  return mm.host.khugepaged.get().includes(mm);
}

function enter({ khugepaged }: Host, mm: Mm): void {
  khugepaged.update((mms) => [...mms, mm]);
}

nameFunctions({
  khugepaged_enter_vma: khugepagedEnterVma,
  khugepaged_fork: khugepagedFork,
  khugepaged_exit: khugepagedExit,
});
