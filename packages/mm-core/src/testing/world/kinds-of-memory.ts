import { type Hva, PAGE_SIZE, PMD_PAGES } from "../../addresses.js";

/** How many different pages of each kind are touched: of huge ones in strides. */
export const SPOTS = 4;

interface Kind {
  readonly start: Hva;
  readonly pages: number;
  /** Pages that calls act on at a time. */
  readonly unit: number;
  /** Of which file; left out: anonymous. */
  readonly file?: "small" | "huge" | "hugetlb";
  readonly isPrivate?: true;
}

/** Kinds of memory, each at its place; those of one file are at one offset of it. */
export const KINDS = {
  anon: { start: 0x2000_0000_0000, pages: SPOTS, unit: 1 },
  thp: { start: 0x2040_0000_0000, pages: 2 * PMD_PAGES, unit: 16 },
  hugetlb: { start: 0x2080_0000_0000, pages: 2 * PMD_PAGES, unit: PMD_PAGES },
  shared: { start: 0x20c0_0000_0000, pages: SPOTS, unit: 1, file: "small" },
  twin: { start: 0x2100_0000_0000, pages: SPOTS, unit: 1, file: "small" },
  private: { start: 0x2140_0000_0000, pages: SPOTS, unit: 1, file: "small", isPrivate: true },
  /** A userfaultfd is asked for what is missing. */
  lazy: { start: 0x2180_0000_0000, pages: SPOTS, unit: 1 },
  /** A userfaultfd is asked for what is in the file and not mapped. */
  minor: { start: 0x21c0_0000_0000, pages: SPOTS, unit: 1, file: "small" },
  sharedThp: { start: 0x2200_0000_0000, pages: PMD_PAGES, unit: 16, file: "huge" },
  privateThp: { start: 0x2240_0000_0000, pages: PMD_PAGES, unit: 16, file: "huge", isPrivate: true },
  sharedHugetlb: { start: 0x2280_0000_0000, pages: 2 * PMD_PAGES, unit: PMD_PAGES, file: "hugetlb" },
  privateHugetlb: {
    start: 0x22c0_0000_0000,
    pages: 2 * PMD_PAGES,
    unit: PMD_PAGES,
    file: "hugetlb",
    isPrivate: true,
  },
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof KINDS;
export type FileName = "small" | "huge" | "hugetlb";
export const kindNames = Object.keys(KINDS) as KindName[];

export const kindOf = (name: KindName): Kind => KINDS[name];

/** Is what one process writes seen by all? */
export const isShared = (name: KindName): boolean =>
  kindOf(name).file !== undefined && kindOf(name).isPrivate !== true;

export function addressOf(name: KindName, spot: number): Hva {
  const { start, pages } = kindOf(name);
  return start + spot * (pages / SPOTS) * PAGE_SIZE;
}

/** Spots from one on, as a range of whole units, and the spots that it holds. */
export function rangeOf(
  name: KindName,
  spot: number,
  spots: number,
): { readonly start: Hva; readonly length: number; readonly hit: readonly number[] } {
  const { start, pages, unit } = kindOf(name);
  const size = unit * PAGE_SIZE;
  const from = addressOf(name, spot);
  const first = from - ((from - start) % size);
  const last = addressOf(name, Math.min(spot + spots, SPOTS) - 1) + PAGE_SIZE;
  const end = Math.min(start + pages * PAGE_SIZE, start + Math.ceil((last - start) / size) * size);
  const hit = Array.from({ length: SPOTS }, (_, at) => at).filter((at) => {
    const address = addressOf(name, at);
    return address >= first && address < end;
  });
  return { start: first, length: end - first, hit };
}
