import type { Lock } from "@kvmm/interleave";
import { entryEnd, type Hva, PAGE_SIZE, type Pfn, PMD_SIZE } from "../../addresses.js";
import type { Host } from "../../host.js";
import { StableNode } from "../../ksm/stable-node.js";
import { leafAt, leafPage } from "../../leaf.js";
import type { Mm } from "../../mm.js";
import type { NotifierRange } from "../../notifier.js";
import { PageFlag } from "../../page-flags.js";
import { ENTRY_SIZE, Table } from "../../page-table.js";
import { type Pte, PteFlag, pteHas, ptePfn, ptePresent } from "../../pte.js";
import { type Mapping, rmapWalk } from "../../rmap.js";
import type { Access } from "../machine.js";
import { NotifierRecorder } from "../notifier-recorder.js";

/**
 * A secondary MMU that maps whatever the page table maps, at all times, and so must be told of each loss: between the
 * start and the end of a range that covers the address, as it may map again what is there before the one and after the
 * other.
 */
class Shadow extends NotifierRecorder {
  readonly #open: NotifierRange[] = [];
  readonly #seen = new Map<Hva, Access | null>();

  constructor(
    readonly mm: Mm,
    private readonly audit: Audit,
    watched: readonly Hva[],
  ) {
    super(mm.host.store);
    for (const address of watched) this.#seen.set(address, this.#look(address));
  }

  override invalidateRangeStart(range: NotifierRange): undefined {
    this.audit.follow(`before ${range.site}`);
    if (range.site !== this.audit.deafTo) this.#open.push(range);
    return super.invalidateRangeStart(range);
  }

  override invalidateRangeEnd(range: NotifierRange): void {
    this.audit.follow(`within ${range.site}`);
    if (range.site !== this.audit.deafTo) this.#open.splice(this.#open.indexOf(range), 1);
    super.invalidateRangeEnd(range);
  }

  /** An address may be mapped otherwise than before. */
  look(address: Hva, when: string): void {
    const old = this.#seen.get(address);
    if (old === undefined) return;
    const now = this.#look(address);
    this.#seen.set(address, now);
    if (old === null || (now !== null && now.pfn === old.pfn && (now.write || !old.write))) return;
    if (this.#open.some(({ start, end }) => start <= address && address < end)) return;
    this.audit.complain(
      `${when}: ${address.toString(16)} of ${this.mm.name} lost ${old.write ? "a writable" : "a"} mapping`,
    );
  }

  #look(address: Hva): Access | null {
    const leaf = leafAt(this.mm, address);
    if (leaf === null || !pteHas(leaf.pte, PteFlag.valid)) return null;
    return { pfn: leafPage(leaf, address), write: pteHas(leaf.pte, PteFlag.write) };
  }
}

/**
 * Follows what changes, by the journal, so that it costs what has changed: every loss in a page table is told to those
 * who listen before it happens; counts of mappings are those of the entries that the reverse mapping finds.
 */
export class Audit {
  readonly #shadows = new Map<Lock, Shadow>();
  /** Watched addresses in order. */
  readonly #watched: readonly Hva[];
  /** Folios of which something has changed since they were last checked. */
  readonly #stale = new Set<Pfn>();
  readonly #complaints: string[] = [];
  #position = 0;

  constructor(
    private readonly host: Host,
    watched: readonly Hva[],
    /** A site whose ranges are not heard: as if the kernel did not raise them. */
    readonly deafTo: string | null = null,
  ) {
    this.#watched = [...watched].sort((a, b) => a - b);
    host.store.mark();
  }

  listen(mm: Mm): void {
    const shadow = new Shadow(mm, this, this.#watched);
    this.#shadows.set(mm.pageTableLock, shadow);
    mm.notifiers.set([shadow]);
  }

  complain(text: string): void {
    this.#complaints.push(text);
  }

  /** Looks at what changed since it last looked. */
  follow(when: string): void {
    const { store, frames } = this.host;
    const { refcount, mapcount } = frames;
    for (const { object, key, old, now } of store.changesSince({
      index: 0,
      length: this.#position,
      hashLo: 0,
      hashHi: 0,
    })) {
      if (object === mapcount || object === refcount) this.#stale.add(key);
      else if (object instanceof Table) this.#followEntry(object, key, old, now, when);
    }
    this.#position = store.changes;
  }

  #followEntry(table: Table, key: number, old: unknown, now: unknown, when: string): void {
    for (const pte of [old, now]) {
      if (typeof pte === "number" && ptePresent(pte) && !pteHas(pte, PteFlag.special))
        this.#stale.add(ptePfn(pte));
    }
    const shadow = this.#shadows.get(table.guard!.lock);
    if (shadow === undefined) return;
    const size = ENTRY_SIZE[table.level];
    const start = table.base + (key % 512) * size;
    if (size === PAGE_SIZE) {
      shadow.look(start, when);
      return;
    }
    const watched = this.#watched;
    for (let at = firstFrom(watched, start); at < watched.length && watched[at]! < start + size; at++)
      shadow.look(watched[at]!, when);
  }

  /** @returns what is wrong after a call, in a sentence; undefined: nothing */
  afterCall(): string | undefined {
    this.follow("after the call");
    const { store } = this.host;
    const [complaint] = this.#complaints;
    if (complaint !== undefined) return complaint;
    for (const shadow of this.#shadows.values())
      if (shadow.open !== 0) return `${shadow.open} notifiers of ${shadow.mm.name} are open`;
    if (store.held.of(store.tid).length > 0) return `${store.held.of(store.tid)} is held`;
    for (const pfn of this.#stale) {
      const wrong = this.#disagreement(pfn);
      if (wrong !== undefined) return wrong;
    }
    this.#stale.clear();
    // What cannot be undone any more need not be kept.
    store.commit();
    store.mark();
    this.#position = 0;
    return undefined;
  }

  /** Every present entry of all page tables is found by the reverse mapping. As {@link afterCall}, of all that there is. */
  ofEverything(mms: readonly Mm[]): string | undefined {
    for (const mm of mms) for (const pte of presentEntries(mm.pgd)) this.#stale.add(ptePfn(pte));
    return this.afterCall();
  }

  #disagreement(pfn: Pfn): string | undefined {
    const { frames, hugeZeroFolio } = this.host;
    const folio = frames.folio(pfn);
    const references = frames.refcount.peek(folio);
    if (references === 0 || folio === hugeZeroFolio.peek()) return undefined;
    const mapcount = frames.mapcount.peek(folio);
    if (references < mapcount) return `frame ${folio} has ${references} references, and mapcount ${mapcount}`;
    const { entries, huge } = this.#entriesOf(folio);
    // A merged page is looked for from the mappings where it was merged, and not in a parent of theirs.
    const isMerged = frames.mapping(folio) instanceof StableNode;
    if (isMerged ? entries > mapcount : entries !== mapcount)
      return `frame ${folio} has mapcount ${mapcount}, and the reverse mapping finds ${entries} entries`;
    const entire = frames.entireMapcount.peek(folio);
    if (huge === entire || frames.test(folio, PageFlag.hugetlb)) return undefined;
    return `frame ${folio} has entire mapcount ${entire}, and ${huge} huge entries map it`;
  }

  /** Entries that map a folio, where the reverse mapping says that they may be. */
  #entriesOf(folio: Pfn): { readonly entries: number; readonly huge: number } {
    const { frames } = this.host;
    const last = folio + frames.pagesOf(folio);
    const isPage = (pte: Pte, first: Pfn) =>
      ptePresent(pte) && !pteHas(pte, PteFlag.special) && first >= folio && first < last;
    let entries = 0;
    let huge = 0;
    for (const { vma, address, end } of this.#placesOf(folio)) {
      for (let at = address; at < end; ) {
        const next = entryEnd(at, PMD_SIZE, end);
        const table = vma.mm.pteTable(at);
        if (table === null) {
          const leaf = leafAt(vma.mm, at);
          if (leaf !== null && isPage(leaf.pte, leafPage(leaf, at))) huge++;
        } else {
          const until = table.indexOf(next - PAGE_SIZE);
          for (let index = table.indexOf(at); index <= until; index++) {
            const pte = table.get(index);
            if (pte !== 0 && isPage(pte, ptePfn(pte))) entries++;
          }
        }
        at = next;
      }
    }
    return { entries: entries + huge, huge };
  }

  /** rmap_walk(); of a merged page one place may be found from several. */
  #placesOf(folio: Pfn): readonly Mapping[] {
    const places = rmapWalk(this.host, folio);
    if (places.length < 2 || !(this.host.frames.mapping(folio) instanceof StableNode)) return places;
    return [...new Map(places.map((place) => [`${place.vma.id} ${place.address}`, place])).values()];
  }
}

/** Present entries below a table that map a frame with counts. */
function* presentEntries(table: Table): Generator<Pte> {
  for (let index = 0; index < 512; index++) {
    const { pte, child } = table.peek(index);
    if (child !== null) yield* presentEntries(child);
    else if (ptePresent(pte) && !pteHas(pte, PteFlag.special)) yield pte;
  }
}

/** Index of the first number that is not below `from`. */
function firstFrom(sorted: readonly number[], from: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
