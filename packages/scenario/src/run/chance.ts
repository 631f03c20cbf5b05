import { PAGE_SIZE, pageAlign } from "@kvmm/mm-core";

/** DAMON's default: at least so many regions. */
const MIN_REGIONS = 10;
/** FORMAT.md: one sample of each region in so many ms. */
const SAMPLE_MS = 5;
/** What happens less often does not happen. */
const NEVER = 1e-6;

/** What in a run is left to chance. The model lets all of it happen that can, and says so. */
export class Chance {
  /** What is being done now is one possibility of several. */
  maybe = false;
  /** Guest physical ranges whose entries may have lost the access flag, or may not. */
  readonly maybeOld: (readonly [first: number, end: number])[] = [];

  /** Does what may happen, if `isSure` surely. */
  happens(isSure: boolean, body: () => void): void {
    this.maybe = !isSure;
    body();
    this.maybe = false;
  }
}

/**
 * damon_apply_min_nr_regions(), __damon_va_prepare_access_check(): DAMON divides what it watches into at least 10 regions,
 * and each sample is one random address of each. Is one of them sure to be among `size` consecutive bytes?
 * @param range bytes that are watched
 */
export function isSurelySampled(range: number, size: number, ms: number): boolean {
  const region = Math.max(PAGE_SIZE, pageAlign(range / MIN_REGIONS));
  // At worst the bytes lie in two regions, half in each.
  const share = Math.min(1, size / (2 * region));
  return (1 - share) ** (2 * Math.floor(ms / SAMPLE_MS)) < NEVER;
}
