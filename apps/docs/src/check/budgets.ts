import type { Weight } from "./weights.js";

/** What pages may weigh, in kilobytes after compression; stated on the page about benchmarks beside what they do weigh. */
export const budgets: Readonly<Record<string, Weight>> = {
  "index.html": { first: 110, later: 0 },
  "how/index.html": { first: 130, later: 220 },
  "playground.html": { first: 130, later: 550 },
  "reference/": { first: 250, later: 0 },
  other: { first: 120, later: 0 },
};
