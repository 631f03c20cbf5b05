import { Shared, Sparse, type Store } from "@kvmm/interleave";

/**
 * struct resv_map, by huge page. Of a file: the pages that were promised to it or allocated for it. Of a private
 * mapping, which was promised all of its pages: those that it has had.
 */
export class ResvMap extends Shared {
  readonly #regions: Sparse;

  constructor(store: Store, name: string) {
    super(store, `${name} resv_map`);
    this.#regions = new Sparse(store, `${name} resv_map regions`);
  }

  has(index: number): boolean {
    return this.#regions.get(index) !== 0;
  }

  /** region_add() of one page */
  add(index: number): void {
    this.#regions.set(index, 1);
  }

  /** region_del() of one page */
  delete(index: number): void {
    this.#regions.set(index, 0);
  }

  /** region_chg(): how many pages of `[start, end)` are not in it. */
  missing(start: number, end: number): number {
    return end - start - this.count(start, end);
  }

  /** region_count() */
  count(start: number, end: number): number {
    let count = 0;
    for (let at = this.#regions.next(start, end); at >= 0; at = this.#regions.next(at + 1, end)) count++;
    return count;
  }

  /** region_add() */
  addRange(start: number, end: number): void {
    for (let index = start; index < end; index++) this.add(index);
  }

  /** region_del(). @returns how many pages were in it */
  deleteRange(start: number, end: number): number {
    let deleted = 0;
    for (let at = this.#regions.next(start, end); at >= 0; at = this.#regions.next(at + 1, end)) {
      this.delete(at);
      deleted++;
    }
    return deleted;
  }

  override restore(): void {}
}
