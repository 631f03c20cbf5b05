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
  referenced: 1 << 10,
  /** PGTY_hugetlb */
  hugetlb: 1 << 11,
  /** HPG_restore_reserve: a huge page that was promised to somebody, who has not used it. */
  restoreReserve: 1 << 12,
  /** PAGE_EXT_IDLE: nobody has used it since it was marked so. */
  idle: 1 << 13,
} as const;

/** Flags that each page of a folio has for itself; all others are the folio's. */
export const PER_PAGE = PageFlag.anonExclusive | PageFlag.hwpoison;
