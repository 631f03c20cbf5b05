/** What may be spent. */
export interface Bounds {
  /** States to visit, or traces to follow. Default 1,000,000 states; traces as many as there are. */
  readonly states?: number;
  readonly traces?: number;
  /** Time in milliseconds, by the clock. Default: none. A verdict that it cuts short depends on the machine. */
  readonly milliseconds?: number;
  /**
   * Follow interleavings with at most so many preemptions only: switches away from a thread that is in the midst of a
   * call and could go on.
   */
  readonly preemptions?: number;
  /** Steps of one interleaving, for traces and random walks. Default 10,000. */
  readonly depth?: number;
  /** Random walks. Default 1000. */
  readonly walks?: number;
}

export type BoundName = keyof Bounds;

/** Says when to stop, and remembers why. */
export class Limits {
  readonly hit = new Set<BoundName>();
  readonly #deadline: number;
  #count = 0;

  constructor(readonly bounds: Bounds) {
    this.#deadline =
      bounds.milliseconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + bounds.milliseconds;
  }

  /** Is the time up? Looks at the clock now and then only. */
  isLate(): boolean {
    if ((++this.#count & 0xff) !== 0 || this.#deadline === Number.POSITIVE_INFINITY)
      return this.hit.has("milliseconds");
    if (Date.now() >= this.#deadline) this.hit.add("milliseconds");
    return this.hit.has("milliseconds");
  }
}
