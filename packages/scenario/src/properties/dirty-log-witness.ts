import type { Kvm } from "@kvmm/kvm-memslots";
import { PAGE_SIZE, ptePfn, ptePresent, type Task } from "@kvmm/mm-core";
import { peekUserEntry } from "./user-entry.js";

/** The first word and the tags of each page of a slot. */
type Contents = ReadonlyMap<number, string>;

/**
 * A VMM that migrates a VM: remembers a slot's contents when it reads the dirty log, and finds at the next reading what
 * has changed without the log saying so. "The dirty log tells of every change" is the property that it checks.
 */
export class DirtyLogWitness {
  readonly name = "the dirty log tells of every change";
  #before: Contents;

  constructor(
    private readonly kvm: Kvm,
    private readonly vmm: Task,
    private readonly slotId: number,
  ) {
    this.#before = this.#contents();
  }

  /** Pages that differ from the last time, and are not in the log. @param log what KVM_GET_DIRTY_LOG returned */
  missing(log: readonly (readonly [first: number, end: number])[]): readonly number[] {
    const before = this.#before;
    this.#before = this.#contents();
    const pages = [...this.#before.keys()].filter((page) => before.get(page) !== this.#before.get(page));
    return pages.filter((page) => !log.some(([first, end]) => page >= first && page < end));
  }

  #contents(): Contents {
    const { kvm } = this;
    const slot = kvm
      .peekMemslots()
      .peek()
      .find(({ slotId }) => slotId === this.slotId)!;
    const contents = new Map<number, string>();
    for (let page = 0; page < slot.npages; page++) {
      const pte = peekUserEntry(this.vmm, slot.userspaceAddr + page * PAGE_SIZE);
      if (!ptePresent(pte)) contents.set(page, "0/0");
      else {
        const pfn = ptePfn(pte);
        contents.set(page, `${kvm.host.frames.word.peek(pfn)}/${kvm.module.mteTags.at(pfn)}`);
      }
    }
    return contents;
  }
}
