/**
 * The known names nearest to a mistyped one, best first: at most three, and none that would need
 * more edits than a third of the word.
 */
export function nearest(word: string, known: Iterable<string>): string[] {
  const sought = word.toLowerCase();
  const longest = 64;
  if (sought.length > longest) return [];
  const found: { name: string; distance: number }[] = [];
  for (const name of known) {
    const candidate = name.toLowerCase();
    if (candidate.length > longest) continue;
    const limit = Math.max(1, Math.floor(Math.max(sought.length, candidate.length) / 3));
    const distance = editDistance(sought, candidate);
    if (distance <= limit) found.push({ name, distance });
    else if (sought.length >= 4 && candidate.includes(sought)) found.push({ name, distance: limit + 1 });
  }
  found.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return found.slice(0, 3).map(({ name }) => name);
}

/** `did you mean "munmap" or "mmap"?`, or undefined when nothing is near. */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  const names = nearest(word, known).map((name) => `"${name}"`);
  if (names.length === 0) return undefined;
  return `did you mean ${joinWithOr(names)}?`;
}

/** `a`, `a or b`, `a, b or c`. */
export function joinWithOr(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words[words.length - 1]}`;
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let best = Math.min(current[column - 1]! + 1, previous[column]! + 1, previous[column - 1]! + cost);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) best = Math.min(best, before[column - 2]! + 1);
      current.push(best);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length]!;
}
