import type { Pte, Task } from "@kvmm/mm-core";

/** The entry of a process's page table for an address, as it is; not an access. */
export function peekUserEntry(task: Task, address: number): Pte {
  let table = task.mm.pgd;
  for (;;) {
    const { pte, child } = table.peek(table.indexOf(address));
    if (child === null) return pte;
    table = child;
  }
}
