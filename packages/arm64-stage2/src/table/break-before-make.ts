import { AF, MEMATTR_MASK, PERMS_HI, PERMS_LO, SW_MASK_HI, VALID } from "../descriptor/layout.js";
import type { Stage2 } from "../stage2.js";
import { type Stage2Tlb, TLBI_TTL_UNKNOWN } from "../tlb.js";
import { isTable } from "../walk/entry.js";
import type { TablePage } from "./table-page.js";

/** What may change in a valid entry without break-before-make (Arm ARM, D8.16.1): no address, no type, no memory type. */
const MAY_CHANGE_LO = PERMS_LO | AF;
const MAY_CHANGE_HI = PERMS_HI | SW_MASK_HI;

interface Place {
  readonly level: number;
  readonly base: number;
}

interface Broken {
  readonly ipa: number;
  readonly size: number;
  readonly level: number;
  readonly wasTable: boolean;
}

/**
 * Watches every store of a descriptor and every TLB invalidation, and holds them against the architecture: a valid entry
 * that hardware can reach changes its address, type or memory type only through an invalid one, and what it had
 * translated is out of the TLBs before a valid one takes its place.
 */
export class BreakBeforeMake {
  readonly violations: string[] = [];
  readonly #places = new Map<TablePage, Place>();
  readonly #entries = new Map<TablePage, Int32Array>();
  /** Entries that were valid, are not any more, and may still be in a TLB; by address and level. */
  readonly #broken = new Map<string, Broken>();

  /** The TLB to give to the tables. */
  readonly tlb: Stage2Tlb = {
    flushVmidIpa: (ipa, level) => {
      this.#forget(
        (b) =>
          ipa >= b.ipa &&
          ipa < b.ipa + b.size &&
          (level === TLBI_TTL_UNKNOWN || (level === b.level && !b.wasTable)),
      );
    },
    flushVmidIpaNsh() {},
    flushVmidRange: (ipa, pages) => {
      const end = ipa + pages * this.pgt.geometry.pageSize;
      this.#forget((b) => ipa <= b.ipa && b.ipa + b.size <= end);
      // Entries that stick out were hit somewhere, which is enough for leaves.
      this.#forget((b) => !b.wasTable && b.ipa < end && ipa < b.ipa + b.size);
    },
    flushVmid: () => this.#broken.clear(),
  };

  /** Set once the tables are there, before they are initialised. */
  pgt!: Stage2;

  watch(pgt: Stage2): void {
    this.pgt = pgt;
    pgt.tables.onWrite = (page, index, lo, hi) => this.#write(page, index, lo, hi);
  }

  /** Looks at no more stores: where the explorer takes them back, which nobody tells. */
  unwatch(): void {
    this.pgt.tables.onWrite = null;
    this.#broken.clear();
  }

  /** At the end of an operation nothing that was taken away may still be in a TLB. */
  settle(): void {
    for (const b of this.#broken.values()) this.#violate(b, "is still in the TLBs when the operation ends");
    this.#broken.clear();
  }

  #write(page: TablePage, index: number, lo: number, hi: number): void {
    let entries = this.#entries.get(page);
    if (entries === undefined) {
      entries = new Int32Array(2 * page.length);
      this.#entries.set(page, entries);
    }
    const oldLo = entries[2 * index]!;
    const oldHi = entries[2 * index + 1]!;
    entries[2 * index] = lo;
    entries[2 * index + 1] = hi;
    if (page === this.pgt.pgd.peek()) this.#places.set(page, { level: this.pgt.startLevel, base: 0 });
    const place = this.#places.get(page);
    if (place !== undefined) this.#change(page, index, place, oldLo, oldHi, lo, hi);
  }

  #change(
    page: TablePage,
    index: number,
    place: Place,
    oldLo: number,
    oldHi: number,
    lo: number,
    hi: number,
  ): void {
    const size = this.pgt.geometry.sizes[place.level]!;
    const ipa = place.base + index * size;
    const entry = { ipa, size, level: place.level, wasTable: isTable(oldLo, place.level) };
    const key = `${ipa}/${place.level}`;
    const wasValid = (oldLo & VALID) !== 0;
    const isValid = (lo & VALID) !== 0;
    if (wasValid && isValid) {
      const mask = MAY_CHANGE_LO;
      if (((oldLo ^ lo) & ~mask) !== 0 || ((oldHi ^ hi) & ~MAY_CHANGE_HI) !== 0) {
        const what = ((oldLo ^ lo) & MEMATTR_MASK) !== 0 ? "memory type" : "address or type";
        this.#violate(entry, `changes its ${what} while it is valid`);
      }
    } else if (wasValid) this.#broken.set(key, entry);
    else if (isValid) {
      for (const b of this.#broken.values()) {
        if (b.ipa < ipa + size && ipa < b.ipa + b.size)
          this.#violate(b, "is still in the TLBs when another takes its place");
      }
    }
    if (isTable(lo, place.level)) {
      this.#link(this.pgt.tables.find(page, index, lo, hi), place.level + 1, ipa);
    }
  }

  /** A table and all below it can be reached now. */
  #link(page: TablePage, level: number, base: number): void {
    this.#places.set(page, { level, base });
    const entries = this.#entries.get(page);
    if (entries === undefined) return;
    for (let index = 0; 2 * index < entries.length; index++) {
      const lo = entries[2 * index]!;
      if (!isTable(lo, level)) continue;
      const size = this.pgt.geometry.sizes[level]!;
      this.#link(
        this.pgt.tables.find(page, index, lo, entries[2 * index + 1]!),
        level + 1,
        base + index * size,
      );
    }
  }

  #forget(which: (broken: Broken) => boolean): void {
    for (const [key, broken] of this.#broken) if (which(broken)) this.#broken.delete(key);
  }

  #violate(entry: Broken, what: string): void {
    this.violations.push(`the level ${entry.level} entry of 0x${entry.ipa.toString(16)} ${what}`);
  }
}
