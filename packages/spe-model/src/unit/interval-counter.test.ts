import { describe, expect, test } from "vitest";
import { SeededRandom } from "../random/seeded-random.js";
import { PMSICR, PMSIRR } from "../registers/spe-registers.js";
import { IntervalCounter } from "./interval-counter.js";

/** Operations between one sample and the next. */
function distances(samples: number, { interval, rnd, erand }: Record<"interval" | "rnd" | "erand", number>) {
  const counter = new IntervalCounter(new SeededRandom(5), erand === 1);
  counter.reload = PMSIRR.encode({ INTERVAL: interval, RND: rnd });
  counter.value = 0n;
  const found: number[] = [];
  let since = 0;
  while (found.length < samples + 2) {
    const quiet = counter.quiet;
    since += quiet;
    if (!counter.count(quiet)) continue;
    found.push(since);
    since = 0;
  }
  // What comes before the first two samples is how the counter starts.
  return found.slice(2);
}

/** Pearson's statistic of counts against what each is expected to be, per degree of freedom: about 1 for a fit. */
function misfit(counts: readonly number[], expected: (index: number) => number): number {
  const terms = counts.map((count, index) => (count - expected(index)) ** 2 / expected(index));
  return terms.reduce((sum, term) => sum + term, 0) / (counts.length - 1);
}

const SAMPLES = 65_536;

describe("between samples", () => {
  test("without jitter lie as many operations as the interval has", () => {
    expect(new Set(distances(1000, { interval: 3, rnd: 0, erand: 0 }))).toEqual(new Set([768]));
    expect(new Set(distances(1000, { interval: 3, rnd: 0, erand: 1 }))).toEqual(new Set([768]));
  });

  test("with jitter lie 0 to 255 more, each as often as the others", () => {
    const found = distances(SAMPLES, { interval: 4, rnd: 1, erand: 0 });
    const counts = Array.from<number>({ length: 256 }).fill(0);
    for (const distance of found) counts[distance - 1024]!++;
    expect(counts.reduce((sum, count) => sum + count)).toBe(SAMPLES);
    expect(misfit(counts, () => SAMPLES / 256)).toBeGreaterThan(0.6);
    expect(misfit(counts, () => SAMPLES / 256)).toBeLessThan(1.4);
  });

  test("with ERND lie up to 255 more or fewer: the jitter of one interval is taken back in the next", () => {
    const found = distances(SAMPLES, { interval: 4, rnd: 1, erand: 1 });
    const counts = Array.from<number>({ length: 511 }).fill(0);
    for (const distance of found) counts[distance - 1024 + 255]!++;
    expect(counts.reduce((sum, count) => sum + count)).toBe(SAMPLES);
    const middle = counts.slice(128, 383);
    const triangle = (index: number) => (SAMPLES * (256 - Math.abs(index + 128 - 255))) / 65_536;
    expect(misfit(middle, triangle)).toBeLessThan(1.4);
    const total = found.reduce((sum, distance) => sum + distance);
    expect(Math.abs(total - SAMPLES * 1024)).toBeLessThan(256);
  });
});

describe("the counter's registers", () => {
  const counter = (erand: boolean) => {
    const made = new IntervalCounter(new SeededRandom(1), erand);
    made.reload = PMSIRR.encode({ INTERVAL: 2 });
    return made;
  };

  test("COUNT is what is left, and is loaded anew when it is used up", () => {
    const made = counter(false);
    made.value = PMSICR.encode({ COUNT: 100 });
    expect(made.quiet).toBe(100);
    expect(made.count(99)).toBe(false);
    expect(made.value).toBe(1n);
    expect(made.count(1)).toBe(true);
    expect(made.value).toBe(512n);
  });

  test("a count of zero starts with a whole interval, and an interval of zero is 256", () => {
    const made = counter(true);
    made.value = 0n;
    expect(made.quiet).toBe(512);
    made.reload = 0n;
    made.value = 0n;
    expect(made.quiet).toBe(256);
  });

  test("ECOUNT is counted beside COUNT, and samples at its end", () => {
    const made = counter(true);
    made.value = PMSICR.encode({ COUNT: 500, ECOUNT: 7 });
    expect(made.quiet).toBe(7);
    expect(made.count(7)).toBe(true);
    expect(made.value).toBe(493n);
    expect(made.count(493)).toBe(true);
  });
});
