import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn } from "../addresses.js";
import type { Host } from "../host.js";
import { leafAt } from "../leaf.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { splitFolio } from "../thp/split-folio.js";
import { type Vma, VmFlag } from "../vma.js";
import { tryToMergeOnePage } from "./merge.js";
import { StableNode } from "./stable-node.js";
import type { KsmSlot } from "./state.js";

/** max_page_sharing: addresses that one merged page serves at most. */
const MAX_SHARING = 256;

/** A page that was seen in this scan and has no partner yet (the unstable tree). */
interface Candidate {
  readonly vma: Vma;
  readonly slot: KsmSlot;
  readonly address: Hva;
  readonly page: Pfn;
}

/** /sys/kernel/mm/ksm/pages_shared and pages_sharing */
export interface KsmCounters {
  readonly pagesShared: number;
  readonly pagesSharing: number;
}

/** ksm_do_scan(), of everything, so many times. Contents are compared by what the model knows of them: the first word. */
export function ksmRun(host: Host, fullScans: number): KsmCounters {
  for (let scan = 0; scan < fullScans; scan++) fullScan(host);
  return ksmCounters(host);
}

function fullScan(host: Host): void {
  host.lru.drain();
  // By contents: the unstable tree begins anew with each scan.
  const unstable = new Map<number, Candidate>();
  for (const slot of host.ksm.slots.get()) {
    const { mm } = slot;
    mm.mmapLock.readLock();
    let scanned = 0;
    for (const vma of mm.vmas.overlapping(0, Number.MAX_SAFE_INTEGER)) {
      const { flags, start, end } = vma.fields;
      if ((flags & VmFlag.mergeable) === 0 || vma.anonVma.get() === null) continue;
      forget(slot, scanned, start);
      for (let at = start; at < end; at += PAGE_SIZE) scanPage(host, slot, vma, at, unstable);
      scanned = end;
    }
    forget(slot, scanned, Number.MAX_SAFE_INTEGER);
    mm.mmapLock.readUnlock();
  }
}

/** get_next_rmap_item(), remove_trailing_rmap_items(): nothing is known of addresses that were passed over. */
function forget({ checksums, merged }: KsmSlot, start: Hva, end: Hva): void {
  for (const known of [checksums, merged]) {
    const last = Math.floor(end / PAGE_SIZE);
    for (let item = known.next(start / PAGE_SIZE, last); item >= 0; item = known.next(item + 1, last))
      known.set(item, 0);
  }
}

/** scan_get_next_rmap_item(), cmp_and_merge_page() */
function scanPage(host: Host, slot: KsmSlot, vma: Vma, address: Hva, unstable: Map<number, Candidate>): void {
  const { frames } = host;
  const page = anonPage(vma, address);
  const item = address / PAGE_SIZE;
  const head = slot.merged.get(item);
  if (page === null || (head !== 0 && head !== frames.mapping(page)?.id)) slot.merged.set(item, 0);
  if (page === null) slot.checksums.set(item, 0);
  if (page === null || frames.test(page, PageFlag.ksm)) return;
  const word = frames.word.get(page);
  const merged = stableWith(host, word);
  if (merged !== null) {
    if (tryToMergeOnePage(vma, address, page, merged.page.get())) append(merged, slot, vma, address);
  } else if (slot.checksums.get(item) !== word + 1) {
    // A page that changed since the last scan is likely to change again.
    slot.checksums.set(item, word + 1);
  } else {
    const candidate = unstable.get(word);
    const partner = candidate !== undefined && anonPage(candidate.vma, candidate.address) === candidate.page;
    if (!partner) unstable.set(word, { vma, slot, address, page });
    else if (candidate.page !== page && tryToMergeTwoPages(host, { vma, slot, address, page }, candidate))
      unstable.delete(word);
  }
}

/** stable_tree_append() */
function append(node: StableNode, slot: KsmSlot, vma: Vma, address: Hva): void {
  node.append({ anonVma: vma.anonVma.get()!, mm: vma.mm, address });
  slot.merged.set(address / PAGE_SIZE, node.id);
}

/** try_to_merge_two_pages(): the page becomes the merged one, and takes the candidate's place as well. */
function tryToMergeTwoPages(host: Host, { vma, slot, address, page }: Candidate, other: Candidate): boolean {
  const { frames, ksm, store } = host;
  // The candidate's page comes with a reference: two pages of one large folio keep each other from splitting it.
  const sameFolio = frames.folio(page) === frames.folio(other.page);
  frames.get(other.page);
  const merged = tryToMergeOnePage(vma, address, page, null);
  frames.put(other.page);
  if (!merged) {
    if (sameFolio && frames.order(page) > 0) splitAfterwards(host, page);
    return false;
  }
  // stable_tree_insert()
  const node = store.create(() => new StableNode(store, page));
  frames.setMapping(page, node, 0);
  ksm.stable.update((nodes) => [...nodes, node]);
  append(node, slot, vma, address);
  if (!tryToMergeOnePage(other.vma, other.address, other.page, page)) return false;
  append(node, other.slot, other.vma, other.address);
  return true;
}

/** cmp_and_merge_page(): two pages of one large folio were not merged; the next scan will find small ones. */
function splitAfterwards(host: Host, page: Pfn): void {
  const { frames } = host;
  frames.get(page);
  if (frames.trylock(page)) {
    splitFolio(host, page);
    frames.unlock(page);
  }
  frames.put(page);
}

/** The page that a mergeable mapping has at an address, if it is private and ordinary. */
function anonPage({ mm }: Vma, address: Hva): Pfn | null {
  const leaf = leafAt(mm, address);
  if (leaf === null || !ptePresent(leaf.pte) || pteHas(leaf.pte, PteFlag.special)) return null;
  const { frames } = mm.host;
  const page = ptePfn(leaf.pte) + (leaf.table.level === 0 ? 0 : (address / PAGE_SIZE) % 512);
  return frames.test(page, PageFlag.anon) ? page : null;
}

/** stable_tree_search(): a merged page with these contents that has room for more. Pages that nobody maps leave. */
function stableWith({ frames, ksm }: Host, word: number): StableNode | null {
  const isAlive = (node: StableNode): boolean => {
    const page = node.page.get();
    return frames.mapping(page) === node && frames.mapcount.get(page) > 0;
  };
  const nodes = ksm.stable.get();
  const alive = nodes.filter(isAlive);
  if (alive.length < nodes.length) ksm.stable.set(alive);
  return (
    alive.find(
      (node) =>
        frames.word.get(node.page.get()) === word && frames.mapcount.get(node.page.get()) < MAX_SHARING,
    ) ?? null
  );
}

/** pages_shared and pages_sharing, as ksmd counts them: what was unmapped since the last scan counts still. */
export function ksmCounters(host: Host): KsmCounters {
  const heads = new Map<number, number>();
  for (const { merged } of host.ksm.slots.get()) {
    const end = Number.MAX_SAFE_INTEGER;
    for (let item = merged.next(0, end); item >= 0; item = merged.next(item + 1, end)) {
      const head = merged.get(item);
      heads.set(head, (heads.get(head) ?? 0) + 1);
    }
  }
  const users = [...heads.values()].reduce((sum, count) => sum + count, 0);
  return { pagesShared: heads.size, pagesSharing: users - heads.size };
}

nameFunctions({
  ksm_do_scan: ksmRun,
  scan_get_next_rmap_item: scanPage,
  stable_tree_append: append,
  try_to_merge_two_pages: tryToMergeTwoPages,
  cmp_and_merge_page: splitAfterwards,
  stable_tree_search: stableWith,
});
