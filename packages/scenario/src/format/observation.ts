import type { PageList } from "./page-list.js";

export const notifierEvents = ["unmap", "age", "test_age"] as const;
export type NotifierEvent = (typeof notifierEvents)[number];

/** An MMU notifier raised over the range of a slot. */
export interface NotifierObservation {
  readonly event: NotifierEvent;
  /** Where `pages` are counted from: an expression such as `ram`. */
  readonly addr: number | string;
  readonly pages: PageList;
  /** The kernel function that raised it. */
  readonly site: string;
  /** Its callers, inner to outer, for the reader. */
  readonly by?: readonly string[];
  readonly count?: number;
  /** It was seen, but another run might not show it, or show other pages. */
  readonly maybe?: boolean;
}

export const accesses = ["read", "write", "exec"] as const;
export type Access = (typeof accesses)[number];
export const faultKinds = ["translation", "permission", "access_flag"] as const;
export type FaultKind = (typeof faultKinds)[number];

/** Stage-2 faults of one access and kind. */
export interface FaultObservation {
  readonly pages: PageList;
  readonly access: Access;
  readonly kind: FaultKind;
  readonly gpa?: number | string;
}

/** Pages whose access did not complete in the guest. */
export interface ExitObservation {
  readonly pages: PageList;
  readonly errno?: string;
  readonly exit?: string;
  readonly signal?: string;
  readonly code?: string;
  /** The ESR_EL1 of an exception that the guest took instead. */
  readonly exception?: number | string;
  readonly gpa?: number | string;
}

/** Pages of a host access that raised a signal. */
export interface SignalObservation {
  readonly pages: PageList;
  readonly signal: string;
  readonly code?: string;
}

export const fates = ["same", "changed", "gone", "poisoned"] as const;
export type Fate = (typeof fates)[number];

/** What became of the physical page behind each page. */
export interface FrameObservation {
  readonly pages: PageList;
  readonly is: Fate;
}

/** A line of the kernel's stage-2 dump: `[first, end, level, attributes]`. */
export type Stage2Entry = readonly [
  first: number | string,
  end: number | string,
  level: number,
  attributes: string,
];

/** What a step added to the profile of a guest with Arm SPE. */
export interface SpeObservation {
  /** Operations that the guest executed. */
  readonly operations?: number;
  /** Records that SPE wrote to the buffer, and those that perf read. */
  readonly written?: number;
  readonly read?: number;
  /** Records that a fault lost. */
  readonly lost?: number;
  /** Samples that were due while profiling was wanted and off, and the operations executed meanwhile. */
  readonly not_sampled?: number;
  readonly blackout_operations?: number;
  /** Stage-2 faults of SPE's writes, by what PMBSR_EL1 says of them: `translation level 3`. */
  readonly faults?: number;
  readonly fault_kinds?: Readonly<Record<string, number>>;
  /** Of these, faults between break and make of an entry. */
  readonly window_faults?: number;
  /** Stage-2 faults of the vCPU on the buffer. */
  readonly vcpu_faults?: number;
}

/** What was observed at a step. A field left out was not observed to happen. */
export interface Observation {
  readonly ret?: number;
  readonly errno?: string;
  readonly notifiers?: readonly NotifierObservation[];
  readonly faults?: readonly FaultObservation[];
  readonly exits?: readonly ExitObservation[];
  readonly signals?: readonly SignalObservation[];
  /** Pages whose access waits for the handler of a userfaultfd; alone, it is given up. */
  readonly waits?: PageList;
  readonly value?: number | string;
  readonly frames?: readonly FrameObservation[];
  readonly bitmap?: PageList;
  readonly bitmap_pages?: number;
  readonly bitmap_total?: number;
  readonly status?: readonly (number | null)[];
  readonly mode?: number | string;
  readonly mode_flags?: readonly (number | string)[];
  readonly nodemask?: readonly number[];
  readonly pages_shared?: number;
  readonly pages_sharing?: number;
  readonly resident?: PageList;
  /** Pages whose frames nobody has used since they were marked idle. */
  readonly idle?: PageList;
  readonly stat?: Readonly<Record<string, number | string>>;
  readonly f_type?: number | string;
  readonly target?: string;
  readonly flags?: number | string;
  readonly stage2?: readonly Stage2Entry[];
  readonly stage2_levels?: number;
  readonly ipa_range?: number;
  readonly spe?: SpeObservation;
  /** The kernel does this in its own time: unions of what happened at least once. */
  readonly any?: boolean;
  /** Fields that depend on timing or on the rest of the system and were left out. */
  readonly unknown?: readonly string[];
}

export type ObservationField = keyof Observation;

/** What the model says of a step: what would be observed, and where that is one possibility of several. */
export interface Prediction extends Observation {
  /** Ranges of `stage2` whose entries may just as well have kept their access flag. */
  readonly stage2_maybe_young?: readonly (readonly [first: number | string, end: number | string])[];
}
