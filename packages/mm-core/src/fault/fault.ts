import type { Hva, Pfn, Pgoff } from "../addresses.js";
import type { Table } from "../page-table.js";
import type { Pte } from "../pte.js";
import type { Task } from "../task.js";
import type { Vma, VmaFields } from "../vma.js";

/** FAULT_FLAG_* that decide something here. */
export interface FaultFlags {
  readonly write: boolean;
  /** FAULT_FLAG_UNSHARE: a private copy, but not writable. */
  readonly unshare?: boolean;
  /** FAULT_FLAG_USER: by user space itself, not by the kernel on its behalf. */
  readonly user?: boolean;
  /** FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_RETRY_NOWAIT: may the fault wait? Left out: it cannot. */
  readonly retry?: "wait" | "nowait";
}

/** struct vm_fault */
export interface Fault extends FaultFlags {
  readonly task: Task;
  readonly vma: Vma;
  readonly fields: VmaFields;
  /** Page-aligned. */
  readonly address: Hva;
  readonly pgoff: Pgoff;
  /** A note that stands in the entry in place of nothing: write protection by a userfaultfd, which the page inherits. */
  readonly marker?: Pte;
}

/** A fault on an address that has a table of PTEs. */
export interface PteFault extends Fault {
  readonly table: Table;
  readonly index: number;
  /** The entry as it was when the fault was taken. */
  readonly orig: Pte;
}

/** What a file's ->fault gives: the page, locked and with a reference, or why not. */
export type FaultOutcome = { readonly pfn: Pfn } | FaultError;

/**
 * VM_FAULT_*: why a fault could not be resolved, or was not yet. `WAITED` (VM_FAULT_RETRY): it waited for a userfaultfd's
 * handler, and is to be taken again; mmap_lock was dropped. `WOULD_WAIT`: the same with FAULT_FLAG_RETRY_NOWAIT, neither
 * waited nor dropped. `WAITS`: alone, it would wait for ever, as nobody can answer; mmap_lock was dropped.
 */
export type FaultError = "SIGBUS" | "SIGSEGV" | "OOM" | "HWPOISON" | "WAITED" | "WOULD_WAIT" | "WAITS";
