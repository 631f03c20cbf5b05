/** Flags of a frame (page flags, PG_*). */
export const PageFlag = {
  locked: 1 << 0,
  uptodate: 1 << 1,
  dirty: 1 << 2,
  /** In the page cache or mapped as anonymous memory: on a list of the LRU unless unevictable. */
  lru: 1 << 3,
  unevictable: 1 << 4,
  swapbacked: 1 << 5,
  anon: 1 << 6,
  /** PG_anon_exclusive: the one process that maps it may write without a copy. */
  anonExclusive: 1 << 7,
  hwpoison: 1 << 8,
  ksm: 1 << 9,
  /** PG_referenced: used since somebody last looked. */
  referenced: 1 << 10,
  /** PGTY_hugetlb */
  hugetlb: 1 << 11,
  /** HPG_restore_reserve: a huge page that was promised to somebody, who has not used it. */
  restoreReserve: 1 << 12,
  /** PAGE_EXT_IDLE: nobody has used it since it was marked so. */
  idle: 1 << 13,
  /** PG_active: on the active list (classic LRU only). */
  active: 1 << 14,
  /** PG_workingset: was in use for longer, or not used any more only since lately. */
  workingset: 1 << 15,
  /** LRU_REFS_MASK is not 0: used more than once (multi-generational LRU only). */
  usedAgain: 1 << 16,
  /** PAGE_EXT_YOUNG: was in use when it was marked idle, which reclaim is not to miss. */
  young: 1 << 17,
  /** LRU_GEN_MASK: found used again, and of the youngest generation since (multi-generational LRU only). */
  promoted: 1 << 18,
} as const;

/** Flags that each page of a folio has for itself; all others are the folio's. */
export const PER_PAGE = PageFlag.anonExclusive | PageFlag.hwpoison;
