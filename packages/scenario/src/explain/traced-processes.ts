import { fork, type OpenFile, type Task } from "@kvmm/mm-core";
import { bitsOf, type TracedCall } from "./traced-call.js";

/** A process of a trace: a thread of it in the model, and the model's descriptors for those of the trace. */
export class TracedProcess {
  readonly #own: Map<number, number>;

  constructor(
    readonly task: Task,
    descriptors: ReadonlyMap<number, number> = new Map(),
  ) {
    this.#own = new Map(descriptors);
  }

  /** The model's descriptor; undefined where the trace does not say what is behind it. */
  own(traced: number): number | undefined {
    return this.#own.get(traced);
  }

  /** What is open behind a descriptor of the trace. */
  file(traced: number): OpenFile | null {
    const own = this.#own.get(traced);
    return own === undefined ? null : this.task.process.file(own);
  }

  /** `own` undefined: the descriptor stands for something that the model does not follow. */
  set(traced: number, own: number | undefined): void {
    if (own === undefined) this.#own.delete(traced);
    else this.#own.set(traced, own);
  }

  fork(): TracedProcess {
    return new TracedProcess(fork(this.task), this.#own);
  }
}

const CLONES: ReadonlySet<string> = new Set(["clone", "clone2", "clone3", "fork", "vfork"]);

/**
 * Which process a traced thread belongs to. A thread of which the trace does not tell how it came to be is one of the
 * VMM's own, and so is what shares its memory; what was forked has a copy; what called execve is followed no more.
 */
export class TracedProcesses {
  /** By thread: by whom it was made, and whether with memory of its own. strace may show it before that call returns. */
  readonly #made = new Map<number, { readonly parent: number | undefined; readonly isFork: boolean }>();
  /** By thread; null: it runs another program now. */
  readonly #processes = new Map<number | undefined, TracedProcess | null>();
  readonly #first: number | undefined;

  constructor(
    readonly vmm: TracedProcess,
    traced: readonly TracedCall[],
  ) {
    this.#first = traced[0]?.pid;
    for (const { name, text, pid, ret } of traced) {
      if (ret === undefined || ret <= 0n || !CLONES.has(name)) continue;
      const child = Number(ret);
      if (child === pid || this.#made.has(child)) continue;
      const sharesMemory = name === "vfork" || /\bCLONE_VM\b/.test(text);
      this.#made.set(child, { parent: pid, isFork: !sharesMemory });
    }
  }

  /** The process of the thread that makes a call; null: one that is not followed. */
  of({ name, pid, ret }: TracedCall): TracedProcess | null {
    const process = this.#process(pid);
    // A child that is shown late is a copy of what its parent was when it forked.
    if (CLONES.has(name) && ret !== undefined && this.#made.has(Number(ret))) this.#process(Number(ret));
    if ((name === "execve" || name === "execveat") && ret === 0n && pid !== this.#first)
      this.#processes.set(pid, null);
    return process;
  }

  #process(pid: number | undefined): TracedProcess | null {
    const chain: number[] = [];
    let at = pid;
    while (at !== undefined && !this.#processes.has(at)) {
      const made = this.#made.get(at);
      if (made === undefined || chain.includes(at)) break;
      chain.push(at);
      at = made.parent;
    }
    let process = this.#processes.get(at) ?? (this.#processes.has(at) ? null : this.vmm);
    for (const child of chain.reverse()) {
      if (process !== null && this.#made.get(child)!.isFork) process = process.fork();
      this.#processes.set(child, process);
    }
    return process;
  }
}

/** The descriptor that an argument is. */
export function descriptorOf(call: TracedCall, at: number): number {
  return Number(BigInt.asIntN(32, bitsOf(call.args[at]) ?? -1n));
}
