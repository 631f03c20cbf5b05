import type { Pfn } from "../addresses.js";
import { Inode } from "../file.js";
import type { Host } from "../host.js";
import { removeMigrationPtes, tryToMigrate } from "../migrate.js";

/**
 * split_huge_page(), split_folio() of a large anonymous folio, which the caller has locked and holds a reference to: its
 * pages become folios of their own. Afterwards the caller's lock and reference are those of `page`.
 * @returns false if somebody else holds a reference
 */
export function splitFolio(host: Host, page: Pfn): boolean {
  const { frames } = host;
  const folio = frames.folio(page);
  const pages = frames.pagesOf(folio);
  const owner = frames.mapping(folio);
  if (owner === null || owner instanceof Inode || folio === host.hugeZeroFolio.get()) return false;
  // folio_expected_ref_count()
  if (frames.refcount.get(folio) !== frames.mapcount.get(folio) + 1) return false;
  const unmapped = tryToMigrate(host, folio, true);
  // folio_ref_freeze()
  const free = frames.refcount.get(folio) === 1;
  if (free) frames.split(folio, 1);
  removeMigrationPtes(host, folio, folio, pages, unmapped, free);
  host.store.trace("__folio_split", () => `frame ${folio}: ${free ? "split" : "could not be split"}`);
  if (!free) return false;
  for (let other = folio; other < folio + pages; other++) {
    if (other === page) continue;
    frames.unlock(other);
    frames.put(other);
  }
  return true;
}
