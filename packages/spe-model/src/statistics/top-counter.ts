/**
 * Counts how often keys come, in bounded memory: with more keys than room the rarer half is forgotten,
 * and what comes after may have been forgotten, so that counts are upper bounds, by at most `error`.
 */
export class TopCounter {
  readonly #room: number;
  readonly #counts = new Map<bigint, number>();
  #error = 0;

  /** @param room - keys that are kept, 1 and more. */
  constructor(room = 1 << 16) {
    this.#room = room;
  }

  /** No count is more than this above the truth; 0 while all keys fit. */
  get error(): number {
    return this.#error;
  }

  add(key: bigint): void {
    const count = this.#counts.get(key);
    if (count !== undefined) this.#counts.set(key, count + 1);
    else if (this.#counts.size < this.#room) this.#counts.set(key, 1 + this.#error);
    else this.#makeRoom(key);
  }

  /** The keys that came most often, the most frequent first; equals in the order of the keys. */
  top(most: number): { readonly key: bigint; readonly count: number }[] {
    return [...this.#counts]
      .map(([key, count]) => ({ key, count }))
      .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1))
      .slice(0, most);
  }

  /** Drops the rarer half, so that it is done once for many keys. */
  #makeRoom(key: bigint): void {
    const counts = [...this.#counts.values()].sort((a, b) => a - b);
    this.#error = counts[counts.length >> 1]!;
    for (const [each, count] of this.#counts) if (count <= this.#error) this.#counts.delete(each);
    this.#counts.set(key, 1 + this.#error);
  }
}
