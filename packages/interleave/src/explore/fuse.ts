import { Kind } from "../shared.js";
import type { Failure } from "./place.js";
import type { Privacy } from "./privacy.js";
import type { Program } from "./program.js";

/** So many steps that nobody else can observe are made as one; then the state counts as one that can be observed. */
const LIMIT = 100;

/** What a transition did: a step, or several of one task that count as one. */
export interface Transition {
  footprint: number;
  failure: Failure | null;
  /** The outcome of the step that failed. */
  failedOutcome: number;
}

/**
 * Makes a step, and with it those before which and after which nothing else needs to happen: what nobody else can
 * observe is done at once after the step before it, and a choice together with the step after it. All of this
 * is as if the steps were one: they are independent of all that the other tasks can ever do. (A singleton persistent
 * set; since each state that is stored is left by all its tasks, no cycle can put one of them off for ever.)
 */
export class Fusion {
  readonly transition: Transition = { footprint: 0, failure: null, failedOutcome: 0 };

  constructor(
    private readonly program: Program,
    /** Null: every step is a transition. */
    private readonly privacy: Privacy | null,
  ) {}

  /** The result is only good until the next call. A transition that fails may leave steps to be unwound. */
  step(t: number, outcome: number): Transition {
    const { program, privacy, transition } = this;
    transition.footprint = 0;
    transition.failure = null;
    const before = program.places[t]!.pending!;
    if (!this.#make(t, outcome) || privacy === null) return transition;
    if (before.kind === Kind.Choose) {
      const { pending } = program.places[t]!;
      if (pending === null || pending.kind === Kind.Choose) return transition;
      if (!program.isEnabled(t)) {
        // Another task can change how far this goes.
        transition.footprint = program.footprints.number([pending]);
        return transition;
      }
      if (!this.#make(t, 0)) return transition;
    }
    this.#goOn(t, privacy);
    return transition;
  }

  #make(t: number, outcome: number): boolean {
    const { program, transition } = this;
    const { footprint, failure } = program.step(t, outcome);
    transition.footprint = program.footprints.union(transition.footprint, footprint);
    transition.failure = failure;
    transition.failedOutcome = outcome;
    return failure === null;
  }

  #goOn(t: number, privacy: Privacy): void {
    const { program, transition } = this;
    for (let n = 0; n < LIMIT; n++) {
      const place = program.places[t]!;
      const { pending } = place;
      if (pending === null) return;
      if (place.fusableAt !== privacy.version) {
        place.fusableAt = privacy.version;
        place.isFusable = privacy.mayBePrivate(t, pending);
      }
      if (!place.isFusable || !program.isEnabled(t)) return;
      const { footprint, failure } = program.step(t, 0);
      if (!privacy.isPrivate(t, program.footprints.accesses(footprint))) {
        if (failure === null) program.undo();
        place.isFusable = false;
        return;
      }
      if (failure !== null) {
        transition.failure = failure;
        transition.failedOutcome = 0;
        return;
      }
    }
  }
}
