import { nameFunctions } from "@kvmm/interleave";
import { type Pfn, pageAlign, pages } from "../addresses.js";
import { Inode } from "../file.js";
import type { Host } from "../host.js";
import { removeMigrationPtes, tryToMigrate } from "../migrate.js";
import { tryToUnmap } from "../try-to-unmap.js";

/**
 * split_huge_page(), split_folio() of a large folio, which the caller has locked and holds a reference to: its pages
 * become folios of their own. Afterwards the caller's lock and reference are those of `page`.
 * @returns false if somebody else holds a reference
 */
export function splitFolio(host: Host, page: Pfn): boolean {
  const { frames } = host;
  const folio = frames.folio(page);
  const size = frames.pagesOf(folio);
  const owner = frames.mapping(folio);
  if (owner === null || folio === host.hugeZeroFolio.get()) return false;
  const inode = owner instanceof Inode ? owner : null;
  // folio_expected_ref_count(): the page cache has one for each page.
  const cached = inode === null ? 0 : size;
  if (frames.refcount.get(folio) !== frames.mapcount.get(folio) + cached + 1) return false;
  const isFree = inode === null ? splitAnon(host, folio, size) : splitFile(inode, folio, size);
  host.store.trace("__folio_split", () => `frame ${folio}: ${isFree ? "split" : "could not be split"}`);
  if (!isFree) return false;
  for (let other = folio; other < folio + size; other++) {
    if (other === page) continue;
    frames.unlock(other);
    frames.put(other);
  }
  return true;
}

/** Migration entries keep the place of private pages. */
function splitAnon(host: Host, folio: Pfn, size: number): boolean {
  const { frames } = host;
  const unmapped = tryToMigrate(host, folio, true);
  // folio_ref_freeze()
  const isFree = frames.refcount.get(folio) === 1;
  if (isFree) frames.split(folio, 1);
  removeMigrationPtes(host, folio, folio, size, unmapped, isFree);
  return isFree;
}

/** Pages of a file are faulted in again; those beyond its end leave it. */
function splitFile(inode: Inode, folio: Pfn, size: number): boolean {
  const { frames } = inode.host;
  const index = frames.index.get(folio);
  // unmap_folio()
  tryToUnmap(inode.host, folio, { slot: 0, ignoreLocked: true });
  if (frames.refcount.get(folio) !== 1 + size) return false;
  frames.split(folio, 2);
  const end = pages(pageAlign(inode.size.get()));
  for (let page = Math.max(0, end - index); page < size; page++) {
    inode.pages.set(index + page, 0);
    frames.setMapping(folio + page, null, 0);
    frames.put(folio + page);
  }
  return true;
}

nameFunctions({
  split_huge_page: splitFolio,
});
