/** Numbers that are written in different ways are equal: `9`, `"9"` and `"0x9"`. Other words are themselves. */
export function canonicalWord(word: number | string): string {
  if (typeof word === "number") return String(word);
  return /^(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(word) ? String(BigInt(word)) : word;
}

export function sameWord(a: number | string | undefined, b: number | string | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return canonicalWord(a) === canonicalWord(b);
}

/** Equal as sets of words. */
export function sameWords(a: readonly (number | string)[], b: readonly (number | string)[]): boolean {
  const left = new Set(a.map(canonicalWord));
  const right = new Set(b.map(canonicalWord));
  return left.size === right.size && [...left].every((word) => right.has(word));
}
