import type { AccessKind, GuestFault } from "@kvmm/kvm-memslots";

/** Pages of a block. */
const BLOCK = 512;

/** One entry of stage 2, by its first page. */
export interface GuestEntry {
  readonly pages: 1 | 512;
  readonly w: boolean;
  readonly x: boolean;
  readonly young: boolean;
}

export interface GuestMapOptions {
  readonly npages: number;
  /** May memory be mapped by blocks? All of it is huge pages of the host. */
  readonly blocks: boolean;
  readonly dic: boolean;
  readonly hardwareAccessFlag: boolean;
  /** Logging begins with every page dirty, and nothing protected. */
  readonly initiallySet: boolean;
  /** KVM_GET_DIRTY_LOG leaves the log as it is. */
  readonly manual: boolean;
  readonly eagerSplit: boolean;
}

/**
 * What guests, notifiers and dirty logging do to one memslot whose memory is all there, said about a map from page to
 * entry: no tables, no TLBs, no locks.
 */
export class GuestMap {
  readonly entries = new Map<number, GuestEntry>();
  readonly dirty = new Set<number>();
  logging = false;

  constructor(private readonly options: GuestMapOptions) {}

  /** An access of the guest. @returns the faults that it takes */
  access(page: number, access: AccessKind): GuestFault["kind"][] {
    const faults: GuestFault["kind"][] = [];
    for (;;) {
      const at = this.#at(page);
      const entry = this.entries.get(at);
      if (entry === undefined) {
        faults.push("translation");
        this.#map(page, access, this.#wants(page), true);
      } else if (!entry.young && !this.options.hardwareAccessFlag) {
        faults.push("access_flag");
        this.entries.set(at, { ...entry, young: true });
      } else {
        // The hardware notes the use before it looks at permissions.
        const used = { ...entry, young: true };
        this.entries.set(at, used);
        if (access === "write" ? used.w : access === "exec" ? used.x : true) return faults;
        faults.push("permission");
        const wants = !this.logging && used.pages === BLOCK ? BLOCK : this.#wants(page);
        if (wants === used.pages) this.#relax(at, used, access);
        else this.#map(page, access, wants, false);
      }
      const isMapped = faults.at(-1) !== "access_flag";
      if (isMapped && this.logging && access === "write") this.dirty.add(page);
    }
  }

  /** An invalidation of `[first, end)`. */
  unmap(first: number, end: number): void {
    for (const [at, { pages }] of [...this.entries])
      if (at < end && first < at + pages) this.entries.delete(at);
  }

  age(first: number, end: number, clear: boolean): boolean {
    let young = false;
    for (const [at, entry] of this.entries) {
      if (at >= end || first >= at + entry.pages || !entry.young) continue;
      young = true;
      if (clear) this.entries.set(at, { ...entry, young: false });
    }
    return young;
  }

  setLogging(on: boolean): void {
    if (on === this.logging) return;
    this.logging = on;
    this.dirty.clear();
    if (!on) return;
    if (this.options.initiallySet)
      for (let page = 0; page < this.options.npages; page++) this.dirty.add(page);
    else this.#protect(0, this.options.npages, true);
  }

  /** KVM_GET_DIRTY_LOG */
  getLog(): readonly number[] {
    const dirty = [...this.dirty].sort((a, b) => a - b);
    if (!this.options.manual) this.#clear(dirty);
    return dirty;
  }

  /** KVM_CLEAR_DIRTY_LOG of the dirty pages among `[first, end)`. */
  clearLog(first: number, end: number): void {
    this.#clear([...this.dirty].filter((page) => page >= first && page < end).sort((a, b) => a - b));
  }

  /** From the first to the last page of each word of 64. */
  #clear(pages: readonly number[]): void {
    for (let word = 0; word < this.options.npages; word += 64) {
      const its = pages.filter((page) => page >= word && page < word + 64);
      if (its.length > 0) this.#protect(its[0]!, its[its.length - 1]! + 1, this.options.initiallySet);
    }
    for (const page of pages) this.dirty.delete(page);
  }

  #protect(first: number, end: number, splits: boolean): void {
    for (const [at, entry] of [...this.entries]) {
      if (at >= end || first >= at + entry.pages) continue;
      this.entries.set(at, { ...entry, w: false });
      if (!splits || !this.options.eagerSplit || entry.pages === 1) continue;
      for (let page = at; page < at + BLOCK; page++) {
        this.entries.set(page, { pages: 1, w: false, x: entry.x, young: true });
      }
    }
  }

  #at(page: number): number {
    const block = page - (page % BLOCK);
    return this.entries.get(block)?.pages === BLOCK ? block : page;
  }

  #wants(page: number): 1 | 512 {
    const block = page - (page % BLOCK);
    return this.options.blocks && !this.logging && block + BLOCK <= this.options.npages ? BLOCK : 1;
  }

  #map(page: number, access: AccessKind, pages: 1 | 512, isNew: boolean): void {
    const first = pages === BLOCK ? page - (page % BLOCK) : page;
    if (!isNew || pages === BLOCK) this.unmap(first, first + pages);
    const x = access === "exec" || this.options.dic;
    this.entries.set(first, { pages, w: !this.logging || access === "write", x, young: true });
  }

  #relax(at: number, entry: GuestEntry, access: AccessKind): void {
    const w = entry.w || !this.logging || access === "write";
    this.entries.set(at, { ...entry, w, x: entry.x || access === "exec" || this.options.dic });
  }
}
