import { GuardError, Kind } from "@kvmm/interleave";
import type { Ipa } from "../address.js";
import { TYPE_TABLE_OR_PAGE } from "../descriptor/layout.js";
import { EAGAIN, EINVAL, ERANGE } from "../errno.js";
import { LAST_LEVEL } from "../geometry/geometry.js";
import type { Stage2 } from "../stage2.js";
import type { TablePage } from "../table/table-page.js";
import { Walk, type WalkFlags } from "./flags.js";
import type { Visits } from "./visits.js";

/**
 * A depth-first walk: struct kvm_pgtable_walker, kvm_pgtable_walk_data and kvm_pgtable_visit_ctx in one. A walker serves
 * for one walk.
 */
export class Walker {
  /** Where the walk begins and ends: page-aligned. */
  start = 0;
  end = 0;

  // The entry being visited.
  page!: TablePage;
  index = 0;
  level = 0;
  /** The position of the walk: the first entry may begin before it. */
  at = 0;
  /** The entry as it was read. */
  oldLo = 0;
  oldHi = 0;

  /** Position of the walk. */
  #addr = 0;

  constructor(
    readonly pgt: Stage2,
    readonly flags: WalkFlags,
    readonly visits: Visits,
    /** No other task can reach these tables: the accesses are no scheduling points. */
    readonly quiet = false,
  ) {}

  get shared(): boolean {
    return (this.flags & Walk.SHARED) !== 0;
  }

  /** kvm_pgtable_walk(): visits the entries of `[addr, addr + size)`, widened to pages. */
  walk(addr: Ipa, size: number): number {
    const { pageSize } = this.pgt.geometry;
    this.start = Math.floor(addr / pageSize) * pageSize;
    this.end = Math.ceil((this.start + size) / pageSize) * pageSize;
    this.#addr = this.start;
    this.#checkLock();
    const { mm } = this.pgt;
    const rcu = this.shared && mm.rcuReadLock !== undefined ? mm.rcuReadLock() : 0;
    const ret = this.#walkPgd();
    if (this.shared && mm.rcuReadUnlock !== undefined) mm.rcuReadUnlock(rcu);
    return ret;
  }

  /** __kvm_pgtable_walk() of a table that is not in the tree; its addresses count from 0. */
  walkUnlinked(page: TablePage, level: number, size: number): number {
    this.start = this.#addr = 0;
    this.end = size;
    return this.#walkTable(page, 0, level);
  }

  #walkPgd(): number {
    const { pgt } = this;
    if (this.start > pgt.limit || this.end > pgt.limit) return -ERANGE;
    const pgd = pgt.pgd.get();
    if (pgd === null) return -EINVAL;
    const { ptrsShift } = pgt.geometry;
    for (let page = Math.floor(this.#addr / pgt.pgdPageSize); this.#addr < this.end; page++) {
      const ret = this.#walkTable(pgd, page << ptrsShift, pgt.startLevel);
      if (ret !== 0) return ret;
    }
    return 0;
  }

  /** __kvm_pgtable_walk(), __kvm_pgtable_visit() */
  #walkTable(page: TablePage, first: number, level: number): number {
    const { pgt, flags, visits, quiet, end } = this;
    const { geometry } = pgt;
    if (level > LAST_LEVEL) {
      pgt.warn(
        "__kvm_pgtable_walk: WARN_ON_ONCE(level < KVM_PGTABLE_FIRST_LEVEL || level > KVM_PGTABLE_LAST_LEVEL)",
      );
      return -EINVAL;
    }
    const size = geometry.sizes[level]!;
    const inverse = geometry.inverses[level]!;
    const stop = first + geometry.ptrsPerPte;
    let index = first + (((this.#addr * inverse) | 0) & (geometry.ptrsPerPte - 1));
    let addr = this.#addr;
    for (; index < stop && addr < end; index++) {
      let lo = page.read(index, quiet);
      let hi = page.hi;
      let isTable = level < LAST_LEVEL && (lo & TYPE_TABLE_OR_PAGE) === TYPE_TABLE_OR_PAGE;
      let ret = 0;
      if ((flags & (isTable ? Walk.TABLE_PRE : Walk.LEAF)) !== 0) {
        this.#visit(page, index, level, addr, lo, hi);
        ret = isTable ? visits.tablePre(this) : visits.leaf(this);
        // The visit may have put a table here, or replaced one. Not at the last level: what is read is not used there.
        if (level < LAST_LEVEL) {
          lo = page.read(index, quiet);
          hi = page.hi;
          isTable = (lo & TYPE_TABLE_OR_PAGE) === TYPE_TABLE_OR_PAGE;
        }
        if (ret !== 0 && this.#ends(ret)) return ret;
      }
      if (!isTable) {
        addr = Math.floor(addr * inverse) * size + size;
        this.#addr = addr;
        continue;
      }
      ret = this.#walkTable(pgt.tables.child(page, index, lo, hi), 0, level + 1);
      if (ret !== 0) return ret;
      if ((flags & Walk.TABLE_POST) !== 0) {
        this.#visit(page, index, level, addr, lo, hi);
        ret = visits.tablePost(this);
        if (ret !== 0 && this.#ends(ret)) return ret;
      }
      addr = this.#addr;
    }
    return 0;
  }

  #visit(page: TablePage, index: number, level: number, at: number, lo: number, hi: number): void {
    this.page = page;
    this.index = index;
    this.level = level;
    this.at = at;
    this.oldLo = lo;
    this.oldHi = hi;
  }

  /** kvm_pgtable_walk_continue(), the other way round. */
  #ends(ret: number): boolean {
    return ret !== -EAGAIN || (this.flags & Walk.IGNORE_EAGAIN) === 0;
  }

  /** A walk that others can disturb has kvm->mmu_lock at least for reading, one that changes entries for writing. */
  #checkLock(): void {
    const { lock, store } = this.pgt.tables;
    if (lock === null || this.quiet || store.task?.isReplaying) return;
    const exclusive = this.visits.writes && !this.shared;
    if (exclusive ? lock.isHeldExclusively() : lock.isHeld()) return;
    const pgd = this.pgt.pgd.peek();
    if (pgd !== null) throw new GuardError(pgd, exclusive ? Kind.Write : Kind.Read, lock);
  }
}
