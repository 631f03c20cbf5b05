import type { SeededRandom } from "../random/seeded-random.js";
import { PMSICR, PMSIRR } from "../registers/spe-registers.js";

/**
 * Chooses the operations to sample (Arm ARM, "The sample interval counter"). COUNT goes down with each
 * operation and is reloaded at zero. Jitter (PMSIRR_EL1.RND) is added to the reloaded value, or with
 * PMSIDR_EL1.ERND counted in ECOUNT while COUNT has started over, so that it does not add up.
 */
export class IntervalCounter {
  readonly #random: SeededRandom;
  readonly #erandom: boolean;
  #interval = 0;
  #jitter = false;
  #count = 0;
  #ecount = 0;

  constructor(random: SeededRandom, erandom: boolean) {
    this.#random = random;
    this.#erandom = erandom;
  }

  /** PMSIRR_EL1. An interval of 0, which software must not set, counts as 256 operations. */
  set reload(pmsirr: bigint) {
    const { INTERVAL, RND } = PMSIRR.decode(pmsirr);
    this.#interval = (INTERVAL || 1) * 256;
    this.#jitter = RND === 1;
  }

  /** PMSICR_EL1. */
  get value(): bigint {
    return PMSICR.encode({ COUNT: this.#count, ECOUNT: this.#ecount });
  }

  set value(pmsicr: bigint) {
    const { COUNT, ECOUNT } = PMSICR.decode(pmsicr);
    this.#count = COUNT;
    this.#ecount = ECOUNT;
  }

  /** Operations that can be passed over before the counter is to be looked at: 1 and more. */
  get quiet(): number {
    this.#start();
    return this.#ecount > 0 ? Math.min(this.#count, this.#ecount) : this.#count;
  }

  /** Counts operations, at most `quiet`; true if the last of them is to be sampled. */
  count(operations: number): boolean {
    this.#start();
    this.#count -= operations;
    let sampled = false;
    if (this.#ecount > 0) {
      this.#ecount -= operations;
      sampled = this.#ecount === 0;
    }
    if (this.#count > 0) return sampled;
    const extra = this.#jitter ? this.#random.next() & 0xff : 0;
    if (!this.#erandom) {
      this.#count = Math.min(this.#interval + extra, 0xffff_ffff);
      return true;
    }
    this.#count = this.#interval;
    this.#ecount = extra;
    return sampled || extra === 0;
  }

  /** Software that leaves the counter at zero gets an interval first. */
  #start(): void {
    if (this.#count === 0) this.#count = this.#interval || 256;
  }
}
