import type { Kvm } from "@kvmm/kvm-memslots";
import type { Task } from "@kvmm/mm-core";

/** What holds of every machine, whatever is called. */
export interface Property {
  /** `no lost page reference` */
  readonly name: string;
  /** What is wrong, in a sentence, or undefined. Looks only; no access. */
  readonly broken: (kvm: Kvm, vmm: Task) => string | undefined;
  /** True: it holds between calls only, not within them. */
  readonly settled?: boolean;
}
