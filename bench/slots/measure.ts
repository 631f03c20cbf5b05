/** Numbers that no branch predictor learns, and the same in every run. */
const RANDOM = new Uint32Array(1 << 16);
for (let index = 0, state = 0x9e37_79b9; index < RANDOM.length; index++) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  RANDOM[index] = state;
}

/** What work returned last, kept so that none is left out. */
export let sink: unknown;

/** CPU nanoseconds of each of `times` pieces of work on a random number below, after `before` that are not counted. */
export function ns(times: number, before: number, below: number, work: (random: number) => unknown): number {
  for (let index = 0; index < before; index++) sink = work(RANDOM[index % RANDOM.length]! % below);
  const begun = process.cpuUsage();
  for (let index = 0; index < times; index++) sink = work(RANDOM[index % RANDOM.length]! % below);
  const { user, system } = process.cpuUsage(begun);
  return ((user + system) * 1000) / times;
}

/** CPU nanoseconds of a lookup while there are at most `few` between one change and the next, which is not counted. */
export function changes(
  times: number,
  below: number,
  few: number,
  { change, lookup }: { change: () => void; lookup: (random: number) => unknown },
): number {
  let spent = 0;
  let done = 0;
  while (done < times) {
    change();
    const some = Math.min(few, times - done);
    const begun = process.cpuUsage();
    for (let index = 0; index < some; index++) sink = lookup(RANDOM[(done + index) % RANDOM.length]! % below);
    const { user, system } = process.cpuUsage(begun);
    spent += user + system;
    done += some;
  }
  return (spent * 1000) / times;
}

/** Looks the range of so many pages up, of those that begin every `stride` pages, as one does without a library. */
export function sortedArray(count: number, stride: number, pages: number) {
  const ranges = Array.from({ length: count }, (_, index) => ({
    start: index * stride,
    end: index * stride + pages,
  }));
  return (page: number) => {
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranges[middle]!.end <= page) low = middle + 1;
      else high = middle;
    }
    const found = ranges[low];
    return found !== undefined && found.start <= page ? found : undefined;
  };
}
