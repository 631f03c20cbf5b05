import { type Hva, PAGE_SIZE, type Pfn } from "../addresses.js";
import type { Host } from "../host.js";
import type { Mm } from "../mm.js";
import { ENTRY_SIZE, type Table } from "../page-table.js";
import { type Pte, PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { rmapWalk } from "../rmap.js";

interface Entry {
  readonly mm: Mm;
  readonly address: Hva;
  readonly pte: Pte;
  /** Bytes that it maps. */
  readonly size: number;
}

/** Every present entry of a page table. */
function* entriesOf(mm: Mm, table: Table = mm.pgd): Generator<Entry> {
  for (let index = 0; index < 512; index++) {
    const { pte, child } = table.peek(index);
    const size = ENTRY_SIZE[table.level];
    const address = table.base + index * size;
    if (child !== null) yield* entriesOf(mm, child);
    else if (ptePresent(pte)) yield { mm, address, pte, size };
  }
}

/**
 * Holds page tables, counts and reverse mapping against each other: each frame's mapcount is the number of entries that
 * map it, its references are no fewer, and the reverse mapping finds every entry.
 * @returns what disagrees, in a sentence; undefined: nothing
 */
export function disagreement(host: Host, mms: readonly Mm[]): string | undefined {
  const { frames } = host;
  const entries = mms.flatMap((mm) => [...entriesOf(mm)]);
  const byFolio = new Map<Pfn, Entry[]>();
  for (const entry of entries) {
    if (pteHas(entry.pte, PteFlag.special) || ptePfn(entry.pte) === host.hugeZeroFolio.peek()) continue;
    const folio = frames.folio(ptePfn(entry.pte));
    const own = byFolio.get(folio);
    if (own === undefined) byFolio.set(folio, [entry]);
    else own.push(entry);
  }
  for (const [folio, own] of byFolio) {
    const mapcount = frames.mapcount.peek(folio);
    if (mapcount !== own.length)
      return `frame ${folio} has mapcount ${mapcount}, and ${own.length} entries map it`;
    if (frames.refcount.peek(folio) < mapcount)
      return `frame ${folio} has ${frames.refcount.peek(folio)} references, and mapcount ${mapcount}`;
    const places = rmapWalk(host, folio);
    for (const { mm, address, size } of own) {
      const found = places.some(
        ({ vma, address: from, end }) => vma.mm === mm && from < address + size && address < end,
      );
      if (!found)
        return `the reverse mapping of frame ${folio} does not find ${address.toString(16)} of ${mm.name} (${size / PAGE_SIZE} pages)`;
    }
  }
  return undefined;
}
