import type { Node, Pfn } from "./addresses.js";
import type { Host } from "./host.js";
import { isolateLru, migratePage } from "./migrate.js";

/** An isolated folio, and the node that it is to move to. */
export interface Move {
  readonly folio: Pfn;
  readonly node: Node;
}

/**
 * migrate_pages(MIGRATE_SYNC) of isolated folios (migrate_pages_sync): all are tried without waiting, and those that
 * did not move once more with. A folio that stays is put back.
 * @returns how many stayed where they were
 */
export function migratePages(host: Host, moves: readonly Move[]): number {
  const left = moves.filter(({ folio, node }) => !migratePage(host, folio, node));
  return left.filter(({ folio, node }) => !(isolateLru(host, folio) && migratePage(host, folio, node)))
    .length;
}
