import type { Scenario } from "../format/scenario.js";

/** The operation of struct mmu_notifier_ops by which a secondary MMU is told. */
export type NotifierCallback =
  | "invalidate_range"
  | "clear_flush_young"
  | "clear_young"
  | "test_young"
  | "release";

/** Recorded on a real kernel, and reproduced by the model. */
export interface Recorded {
  readonly kind: "recorded";
  /** Ids of recordings in which it occurs; not all of them. */
  readonly ids: readonly string[];
  /**
   * Ids of recordings in which the site occurs, in the model as in the kernel, though not all else is the same: DAMON
   * draws the pages that it samples at random.
   */
  readonly siteOnly?: readonly string[];
}

/** In the model as the sources have it, but in no recording. */
export interface FromSource {
  readonly kind: "from source";
  /** Where the model has it. */
  readonly model: string;
  /** When the kernel raises it. */
  readonly condition: string;
  /** Reaches it; null: no list of calls can, and a test of its own does. */
  readonly scenario: Scenario | null;
}

/** Nothing that a virtual machine's memory, as modelled, can meet. */
export interface OutOfScope {
  readonly kind: "out of scope";
  readonly reason: string;
}

export type SiteStatus = Recorded | FromSource | OutOfScope;

/** A place in the kernel that can reach KVM's kvm_mmu_notifier_ops. */
export interface CensusRow {
  /** Of a range site: its number in the table of call sites. */
  readonly number?: number;
  /** The kernel functions; mostly one. */
  readonly functions: readonly string[];
  /** The function that the compiler inlines it into, by which recordings name it. */
  readonly inlinedInto?: readonly string[];
  readonly file: string;
  readonly callback: NotifierCallback;
  /** enum mmu_notifier_event, without MMU_NOTIFY_. */
  readonly event?: string;
  /** How user space, or the kernel of itself, gets there. */
  readonly reached: string;
  readonly status: SiteStatus;
}

export function recorded(...ids: readonly string[]): Recorded {
  return { kind: "recorded", ids };
}

/** As {@link recorded}, of what DAMON samples in a way that the model does not repeat page by page. */
export function sampled(...siteOnly: readonly string[]): Recorded {
  return { kind: "recorded", ids: [], siteOnly };
}

export function fromSource(model: string, condition: string, scenario: Scenario | null): FromSource {
  return { kind: "from source", model, condition, scenario };
}

export function outOfScope(reason: string): OutOfScope {
  return { kind: "out of scope", reason };
}
