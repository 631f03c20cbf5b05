/** What pages may weigh at first, in kilobytes after compression; stated on the page about benchmarks. */
export const budgets: Readonly<Record<string, number>> = {
  "index.html": 110,
  "how/index.html": 300,
  "playground.html": 130,
  "reference/": 250,
  other: 120,
};
