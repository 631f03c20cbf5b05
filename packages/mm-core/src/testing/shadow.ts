import { type Hva, PAGE_SIZE } from "../addresses.js";
import { leafAt, leafPage } from "../leaf.js";
import type { Mm } from "../mm.js";
import type { NotifierRange } from "../notifier.js";
import { PteFlag, pteHas } from "../pte.js";
import type { Access } from "./machine.js";
import { NotifierRecorder } from "./notifier-recorder.js";

/**
 * A secondary MMU that maps whatever the page table maps, at all times, and so must be told of each loss: between the
 * start and the end of a range that covers the address, as it may map again what is there before the one and after the
 * other.
 */
export class Shadow extends NotifierRecorder {
  readonly #open: NotifierRange[] = [];
  #seen: readonly (Access | null)[];
  /** Losses that it was not told of, in words. */
  readonly untold: string[] = [];

  constructor(
    private readonly mm: Mm,
    private readonly pages: readonly Hva[],
    /** A site whose ranges it does not hear: as if the kernel did not raise them. */
    private readonly deafTo: string | null = null,
  ) {
    super(mm.host.store);
    this.#seen = this.#look();
  }

  override invalidateRangeStart(range: NotifierRange): undefined {
    this.check(`before ${range.site}`);
    if (range.site !== this.deafTo) this.#open.push(range);
    return super.invalidateRangeStart(range);
  }

  override invalidateRangeEnd(range: NotifierRange): void {
    this.check(`within ${range.site}`);
    if (range.site !== this.deafTo) this.#open.splice(this.#open.indexOf(range), 1);
    super.invalidateRangeEnd(range);
  }

  /** Looks for losses since it last looked; whoever changes the page table otherwise than by a call says so by this. */
  check(when: string): void {
    const now = this.#look();
    for (const [at, old] of this.#seen.entries()) {
      const current = now[at]!;
      if (old === null || (current !== null && current.pfn === old.pfn && (current.write || !old.write)))
        continue;
      const address = this.pages[at]!;
      if (this.#open.some(({ start, end }) => start <= address && address < end)) continue;
      this.untold.push(`${when}: ${address.toString(16)} lost ${old.write ? "a writable" : "a"} mapping`);
    }
    this.#seen = now;
  }

  #look(): readonly (Access | null)[] {
    return this.pages.map((address) => {
      const leaf = leafAt(this.mm, address);
      if (leaf === null || !pteHas(leaf.pte, PteFlag.valid)) return null;
      return { pfn: leafPage(leaf, address), write: pteHas(leaf.pte, PteFlag.write) };
    });
  }
}

/** Pages of a range, one in each `stride`. */
export function pagesOf(start: Hva, pages: number, stride: number): readonly Hva[] {
  return Array.from({ length: Math.ceil(pages / stride) }, (_, at) => start + at * stride * PAGE_SIZE);
}
