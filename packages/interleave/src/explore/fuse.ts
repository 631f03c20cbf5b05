import { Kind } from "../shared-object.js";
import type { Failure, Place } from "./place.js";
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

  /**
   * The tasks that can move, as bits. A task that can only choose, and would be stuck whatever it chose, may as well
   * choose later; it counts only if nobody else can move.
   */
  enabled(): number {
    const { program, privacy } = this;
    const able = program.enabled();
    if (privacy === null) return able;
    let mask = able;
    for (let rest = able; rest !== 0; rest &= rest - 1) {
      const t = 31 - Math.clz32(rest & -rest);
      if (program.places[t]!.pending!.kind === Kind.Choose && this.#isStuck(t)) mask &= ~(1 << t);
    }
    return mask === 0 ? able : mask;
  }

  /** Is a task that is about to choose stuck whatever it chooses? */
  #isStuck(t: number): boolean {
    const { program } = this;
    const places = program.places[t]!.choices ?? this.#choices(t);
    if (places === null) return false;
    for (const place of places) {
      const { pending } = place;
      if (pending === null || pending.kind === Kind.Choose || program.isEnabledAt(t, place)) return false;
    }
    return true;
  }

  #choices(t: number): readonly Place[] | null {
    const { program } = this;
    const from = program.places[t]!;
    const places: Place[] = [];
    for (let outcome = program.outcomes(t) - 1; outcome >= 0; outcome--) {
      const { to, delta, footprint } = program.step(t, outcome);
      if (to === null) return null;
      program.undo();
      if (footprint !== 0 || delta.objects.length > 0) return null;
      places.push(to);
    }
    from.choices = places;
    return places;
  }

  /** The result is only good until the next call. A transition that fails may leave steps to be unwound. */
  step(t: number, outcome: number): Transition {
    const { program, privacy, transition } = this;
    transition.footprint = 0;
    transition.failure = null;
    const from = program.places[t]!;
    const before = from.pending!;
    const number = ++program.transitions;
    from.passed = number;
    if (!this.#make(t, outcome) || privacy === null) return transition;
    // Releases, say, can come after a choice within its step; they have to be seen before the next step.
    if (before.kind === Kind.Choose && transition.footprint === 0) {
      const { pending } = program.places[t]!;
      if (pending === null || pending.kind === Kind.Choose) return transition;
      if (!program.isEnabled(t)) {
        // Another task can change how far this goes.
        transition.footprint = program.footprints.number([pending]);
        return transition;
      }
      if (!this.#make(t, 0)) return transition;
    }
    this.#goOn(t, privacy, number);
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

  #goOn(t: number, privacy: Privacy, number: number): void {
    const { program } = this;
    for (let n = 0; n < LIMIT; n++) {
      const place = program.places[t]!;
      const { pending } = place;
      if (pending === null || place.passed === number) return;
      place.passed = number;
      if (place.fusableAt !== privacy.version) {
        place.fusableAt = privacy.version;
        place.isFusable = privacy.mayBePrivate(t, pending);
      }
      if (!place.isFusable || !program.isEnabled(t)) return;
      const { footprint, failure } = program.step(t, 0);
      // A failure ends what the others can do, who may have something to do before it.
      if (failure !== null) return;
      if (!privacy.isPrivate(t, program.footprints.accesses(footprint))) {
        program.undo();
        place.isFusable = false;
        return;
      }
    }
  }
}
