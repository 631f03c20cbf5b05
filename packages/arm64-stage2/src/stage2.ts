import { checkAddress, hex, type Ipa, type Pa } from "./address.js";
import { arm64v72, type PgtableBehaviour } from "./behaviour.js";
import { type Attributes, type MemAttrs, memAttrs, setProtAttr, setXnAttr } from "./descriptor/attributes.js";
import { join, lowerHalf, upperHalf } from "./descriptor/halves.js";
import {
  AF,
  INVALID_TYPE_SHIFT_HI,
  InvalidType,
  S2AP_R,
  S2AP_W,
  VALID,
  XN_MASK_HI,
} from "./descriptor/layout.js";
import type { AddressLayout } from "./descriptor/output-address.js";
import { checkProt, PROT_SW_MASK, Prot } from "./descriptor/prot.js";
import { EAGAIN, EINVAL, ENOMEM } from "./errno.js";
import { type Geometry, geometryOf, granuleShift, LAST_LEVEL } from "./geometry/geometry.js";
import { decodeVtcr } from "./geometry/vtcr.js";
import type { Machine } from "./machine.js";
import type { MmOps } from "./mm-ops.js";
import type { Stage2Options } from "./stage2-options.js";
import { Local } from "./table/local.js";
import type { MemoryCache } from "./table/memory-cache.js";
import { TableMemory } from "./table/table-memory.js";
import type { TablePage } from "./table/table-page.js";
import { NO_TLB, type Stage2Tlb, TLBI_TTL_UNKNOWN, tlbFlushVmidRange } from "./tlb.js";
import { AgeVisits } from "./walk/age.js";
import { AttributeVisits } from "./walk/attributes.js";
import { isTable } from "./walk/entry.js";
import { checkFlags, checkModes, Walk, type WalkFlags } from "./walk/flags.js";
import { flushVisits } from "./walk/flush.js";
import { freeVisits } from "./walk/free.js";
import { leafVisits } from "./walk/leaf.js";
import { MapVisits } from "./walk/map.js";
import { SplitVisits } from "./walk/split.js";
import { unmapVisits } from "./walk/unmap.js";
import { type Visitor, VisitorVisits } from "./walk/visitor.js";
import { Walker } from "./walk/walker.js";

/** What {@link Stage2.getLeaf} found. */
export interface Leaf {
  /** The descriptor; 0 if nothing is mapped. */
  readonly pte: bigint;
  readonly level: number;
}

/**
 * struct kvm_pgtable: the stage-2 tables of one VM, and what arch/arm64/kvm/hyp/pgtable.c does with them. Operations
 * return 0 or a negative errno, as in the kernel; what the kernel could never be asked throws a RangeError.
 */
export class Stage2 {
  readonly machine: Machine;
  readonly geometry: Geometry;
  readonly vtcr: bigint;
  /** Bits of the IPA space. */
  readonly iaBits: number;
  readonly startLevel: number;
  /** Concatenated tables at the first level. */
  readonly pgdPages: number;
  /** The exclusive end of the IPA space. */
  readonly limit: number;
  /** What one of the concatenated tables translates. */
  readonly pgdPageSize: number;
  readonly tables: TableMemory;
  readonly layout: AddressLayout;
  readonly memAttrs: MemAttrs;
  readonly mm: MmOps;
  readonly tlb: Stage2Tlb;
  /** The tables of the first level; null before {@link init} and after {@link destroyPgd}. */
  readonly pgd: Local<TablePage | null>;
  /** stage2_unmap_defer_tlb_flush(): one range invalidation per unmap instead of one per leaf. */
  readonly defersTlbFlush: boolean;
  readonly behaviour: PgtableBehaviour;

  readonly #idmap: boolean;
  readonly #forcePteCb: Stage2Options["forcePteCb"];
  readonly #warn: ((text: string) => void) | undefined;

  constructor(options: Stage2Options) {
    const { store, machine, vtcr, lock, tableBase } = options;
    const geometry = geometryOf(machine.pageSize);
    const fields = decodeVtcr(machine, vtcr);
    if (
      fields.startLevel < 0 ||
      fields.iaBits > 52 ||
      fields.pgdPages > 16 ||
      fields.iaBits <= geometry.pageShift
    ) {
      throw new RangeError(
        `Stage2: VTCR_EL2 ${hex(vtcr)} asks for ${fields.iaBits} bits from level ${fields.startLevel}: no such tables`,
      );
    }
    this.machine = machine;
    this.geometry = geometry;
    this.vtcr = vtcr;
    this.iaBits = fields.iaBits;
    this.startLevel = fields.startLevel;
    this.pgdPages = fields.pgdPages;
    this.limit = 2 ** fields.iaBits;
    this.pgdPageSize = 2 ** granuleShift(geometry, fields.startLevel - 1);
    this.tables = new TableMemory(store, machine, {
      ...(lock === undefined ? {} : { lock }),
      ...(tableBase === undefined ? {} : { base: tableBase }),
    });
    this.layout = this.tables.layout;
    this.memAttrs = memAttrs(machine, options.asS1 === true);
    this.mm = options.mm ?? {};
    this.tlb = options.tlb ?? NO_TLB;
    this.pgd = new Local<TablePage | null>(store, "pgt->pgd", null);
    this.defersTlbFlush = machine.tlbRange && machine.fwb;
    this.behaviour = options.behaviour ?? arm64v72;
    this.#idmap = options.idmap === true;
    this.#forcePteCb = options.forcePteCb;
    this.#warn = options.warn;
  }

  /** __kvm_pgtable_stage2_init(): allocates the tables of the first level. */
  init(): number {
    const { mm, pgdPages } = this;
    if (mm.zallocPagesExact?.(pgdPages) === false) return -ENOMEM;
    const pgd = this.tables.allocate(`stage-2 level ${this.startLevel} table`, pgdPages);
    mm.allocated?.(pgd);
    this.pgd.set(pgd);
    mm.dsb?.();
    return 0;
  }

  /** kvm_pgtable_stage2_map(): maps `[addr, addr + size)` to what begins at `phys`, by blocks where they fit. */
  map(
    addr: Ipa,
    size: number,
    phys: Pa,
    prot: Prot,
    cache: MemoryCache | null,
    flags: WalkFlags = 0,
  ): number {
    checkRange(addr, size, "map");
    checkAddress(phys, "map: phys");
    checkProt(prot, "map: prot");
    checkModes(flags, "map: flags");
    const forcePte = this.#forcePteCb?.(addr, (addr + size) as Ipa, prot) === true;
    if (this.#idmap && Number(addr) !== phys) {
      this.warn("kvm_pgtable_stage2_map: WARN_ON((pgt->flags & KVM_PGTABLE_S2_IDMAP) && (addr != phys))");
      return -EINVAL;
    }
    const attributes: Attributes = { lo: 0, hi: 0 };
    let ret = setProtAttr(this.machine, this.memAttrs, prot, attributes);
    if (ret !== 0) return ret;
    const { pageSize } = this.geometry;
    const mapping = {
      phys: Math.floor(phys / pageSize) * pageSize,
      lo: attributes.lo,
      hi: attributes.hi,
      annotation: false,
      forcePte,
    };
    ret = new Walker(this, flags | Walk.TABLE_PRE | Walk.LEAF, new MapVisits(mapping, cache)).walk(
      addr,
      size,
    );
    this.mm.dsb?.();
    return ret;
  }

  /**
   * kvm_pgtable_stage2_annotate(): fills `[addr, addr + size)` with invalid entries of a type that say something.
   * @param annotation bits 59:1 of the entries
   */
  annotate(addr: Ipa, size: number, cache: MemoryCache | null, type: number, annotation: bigint): number {
    checkRange(addr, size, "annotate");
    if (!Number.isInteger(type) || type < 0 || type > 15)
      throw new RangeError(`annotate: type ${String(type)} has not 4 bits`);
    if (BigInt.asUintN(64, annotation) !== annotation)
      throw new RangeError("annotate: the annotation has not 64 bits");
    const lo = lowerHalf(annotation);
    const hi = upperHalf(annotation);
    if ((lo & VALID) !== 0 || hi >>> INVALID_TYPE_SHIFT_HI !== 0) return -EINVAL;
    if (type === 0 || type === InvalidType.Locked) return -EINVAL;
    const mapping = {
      phys: 0,
      lo,
      hi: hi | (type << INVALID_TYPE_SHIFT_HI),
      annotation: true,
      forcePte: true,
    };
    return new Walker(this, Walk.TABLE_PRE | Walk.LEAF, new MapVisits(mapping, cache)).walk(addr, size);
  }

  /** kvm_pgtable_stage2_unmap(): clears all that touches `[addr, addr + size)`; blocks that stick out are gone whole. */
  unmap(addr: Ipa, size: number): number {
    checkRange(addr, size, "unmap");
    const ret = new Walker(this, Walk.LEAF | Walk.TABLE_POST, unmapVisits).walk(addr, size);
    if (this.defersTlbFlush) tlbFlushVmidRange(this.machine, this.tlb, addr, size);
    return ret;
  }

  /** kvm_pgtable_stage2_wrprotect(): takes write permission from all leaves of `[addr, addr + size)`. */
  wrprotect(addr: Ipa, size: number): number {
    checkRange(addr, size, "wrprotect");
    const flags = Walk.LEAF | (this.behaviour.wrprotectAtHole === "go-on" ? Walk.IGNORE_EAGAIN : 0);
    return new Walker(this, flags, new AttributeVisits(0, 0, S2AP_W, 0)).walk(addr, size);
  }

  /** kvm_pgtable_stage2_mkyoung(): sets the access flag of the leaf at `addr`, if there is one. */
  mkyoung(addr: Ipa, flags: WalkFlags = 0): void {
    checkAddress(addr, "mkyoung: addr");
    checkModes(flags, "mkyoung: flags");
    const ret = new Walker(this, flags | Walk.LEAF, new AttributeVisits(AF, 0, 0, 0)).walk(addr, 1);
    if (ret === 0) this.mm.dsb?.();
  }

  /**
   * kvm_pgtable_stage2_test_clear_young(): is an access flag set in `[addr, addr + size)`?
   * @param mkold clear them
   */
  testClearYoung(addr: Ipa, size: number, mkold: boolean): boolean {
    checkRange(addr, size, "testClearYoung");
    const visits = new AgeVisits(mkold);
    if (new Walker(this, Walk.LEAF, visits).walk(addr, size) !== 0) {
      this.warn("kvm_pgtable_stage2_test_clear_young: WARN_ON(kvm_pgtable_walk(pgt, addr, size, &walker))");
    }
    return visits.young;
  }

  /** kvm_pgtable_stage2_relax_perms(): adds permissions to the leaf at `addr`, and invalidates this CPU's TLB. */
  relaxPerms(addr: Ipa, prot: Prot, flags: WalkFlags = 0): number {
    checkAddress(addr, "relaxPerms: addr");
    checkProt(prot, "relaxPerms: prot");
    checkModes(flags, "relaxPerms: flags");
    if ((prot & PROT_SW_MASK) !== 0) return -EINVAL;
    let setLo = 0;
    let setHi = 0;
    let clearHi = 0;
    if ((prot & Prot.R) !== 0) setLo |= S2AP_R;
    if ((prot & Prot.W) !== 0) setLo |= S2AP_W;
    if ((prot & Prot.X) !== 0) {
      const xn = setXnAttr(this.machine, prot);
      if (xn < 0) return xn;
      setHi = xn;
      clearHi = ~xn & XN_MASK_HI;
    }
    const visits = new AttributeVisits(setLo, setHi, 0, clearHi);
    const ret = new Walker(this, flags | Walk.LEAF, visits).walk(addr, 1);
    if (ret === 0) this.tlb.flushVmidIpaNsh(addr, visits.found);
    else if (ret === -EAGAIN) this.tlb.flushVmidIpaNsh(addr, TLBI_TTL_UNKNOWN);
    return ret;
  }

  /** kvm_pgtable_stage2_split(): replaces the blocks of `[addr, addr + size)` by pages, as far as the cache's pages go. */
  split(addr: Ipa, size: number, cache: MemoryCache): number {
    checkRange(addr, size, "split");
    const ret = new Walker(this, Walk.LEAF, new SplitVisits(cache)).walk(addr, size);
    this.mm.dsb?.();
    return ret;
  }

  /** kvm_pgtable_stage2_flush(): cleans the data cache of what is mapped cacheable; nothing with FWB. */
  flush(addr: Ipa, size: number): number {
    checkRange(addr, size, "flush");
    if (this.machine.fwb) return 0;
    return new Walker(this, Walk.LEAF, flushVisits).walk(addr, size);
  }

  /** kvm_pgtable_get_leaf(): the entry that ends the walk for `addr`, valid or not. @returns it, or a negative errno */
  getLeaf(addr: Ipa): Leaf | number {
    checkAddress(addr, "getLeaf: addr");
    const { pageSize } = this.geometry;
    const walker = new Walker(this, Walk.LEAF, leafVisits);
    const ret = walker.walk((Math.floor(addr / pageSize) * pageSize) as Ipa, pageSize);
    if (ret !== 0) return ret;
    return { pte: join(walker.oldLo, walker.oldHi), level: walker.level };
  }

  /** What {@link getLeaf} would find; not an access. null: there are no tables, or `addr` is beyond the IPA space. */
  peekLeaf(addr: Ipa): Leaf | null {
    checkAddress(addr, "peekLeaf: addr");
    const { geometry, tables } = this;
    let page = this.pgd.peek();
    if (page === null || addr >= this.limit) return null;
    let first = Math.floor(addr / this.pgdPageSize) << geometry.ptrsShift;
    for (let level = this.startLevel; ; level++) {
      const index = first + (Math.floor(addr / geometry.sizes[level]!) & (geometry.ptrsPerPte - 1));
      const words = page.peekWords();
      const lo = words[2 * index]!;
      const hi = words[2 * index + 1]!;
      if (!isTable(lo, level)) return { pte: join(lo, hi), level };
      page = tables.find(page, index, lo, hi);
      first = 0;
    }
  }

  /** kvm_pgtable_walk() with a visitor of one's own. */
  walk(addr: Ipa, size: number, flags: WalkFlags, visitor: Visitor): number {
    checkRange(addr, size, "walk");
    checkFlags(flags, "walk: flags");
    return new Walker(this, flags, new VisitorVisits(visitor)).walk(addr, size);
  }

  /**
   * kvm_pgtable_stage2_create_unlinked(): a table, not yet in the tree, that maps what a block of `level` would.
   * @returns the table, or a negative errno
   */
  createUnlinked(
    phys: Pa,
    level: number,
    prot: Prot,
    cache: MemoryCache,
    forcePte: boolean,
  ): TablePage | number {
    checkAddress(phys, "createUnlinked: phys");
    checkProt(prot, "createUnlinked: prot");
    checkLevel(level, "createUnlinked: level");
    const size = this.geometry.sizes[level]!;
    if (phys % size !== 0) return -EINVAL;
    const attributes: Attributes = { lo: 0, hi: 0 };
    let ret = setProtAttr(this.machine, this.memAttrs, prot, attributes);
    if (ret !== 0) return ret;
    const root = this.zallocPage(cache, level + 1, 0);
    if (root === null) return -ENOMEM;
    const mapping = { phys, lo: attributes.lo, hi: attributes.hi, annotation: false, forcePte };
    const flags = Walk.LEAF | Walk.SKIP_BBM_TLBI | Walk.SKIP_CMO;
    ret = new Walker(this, flags, new MapVisits(mapping, cache), true).walkUnlinked(root, level + 1, size);
    if (ret !== 0) {
      this.freeUnlinked(root, level);
      return ret;
    }
    return root;
  }

  /** kvm_pgtable_stage2_free_unlinked(): frees a table that is out of the tree, and all below it. */
  freeUnlinked(root: TablePage, level: number): void {
    checkLevel(level, "freeUnlinked: level");
    const ret = new Walker(this, Walk.LEAF | Walk.TABLE_POST, freeVisits, true).walkUnlinked(
      root,
      level + 1,
      this.geometry.sizes[level]!,
    );
    if (ret !== 0) {
      this.warn(
        "kvm_pgtable_stage2_free_unlinked: WARN_ON(__kvm_pgtable_walk(&data, mm_ops, ptep, level + 1))",
      );
    }
    if (root.pageCount(0) !== 1) {
      this.warn("kvm_pgtable_stage2_free_unlinked: WARN_ON(mm_ops->page_count(pgtable) != 1)");
    }
    this.putTable(root);
  }

  /** kvm_pgtable_stage2_destroy(): frees all tables. Nobody may walk them any more. */
  destroy(): void {
    this.destroyRange(0 as Ipa, this.limit);
    this.destroyPgd();
  }

  /** kvm_pgtable_stage2_destroy_range(): frees the tables below the first level of a range, in steps for long work. */
  destroyRange(addr: Ipa, size: number): void {
    checkRange(addr, size, "destroyRange");
    if (new Walker(this, Walk.LEAF | Walk.TABLE_POST, freeVisits, true).walk(addr, size) !== 0) {
      this.warn("kvm_pgtable_stage2_destroy_range: WARN_ON(kvm_pgtable_walk(pgt, addr, size, &walker))");
    }
  }

  /** kvm_pgtable_stage2_destroy_pgd(): frees the tables of the first level. */
  destroyPgd(): void {
    const pgd = this.pgd.get();
    if (pgd === null) return;
    pgd.free();
    this.mm.freed?.(pgd);
    this.pgd.set(null);
  }

  /** mm_ops->zalloc_page(): a table out of the cache; null if that is empty. */
  zallocPage(cache: MemoryCache, level: number, address: number): TablePage | null {
    if (!cache.take()) {
      this.mm.allocationFailed?.();
      return null;
    }
    const page = this.tables.allocate(`stage-2 level ${level} table of ${hex(address)}`);
    this.mm.allocated?.(page);
    return page;
  }

  /** mm_ops->put_page() of a whole table: drops what the allocation holds. */
  putTable(page: TablePage): void {
    if (page.putPage(0) === 0) this.mm.freed?.(page);
  }

  /** mm_ops->free_unlinked_table() */
  unlinked(page: TablePage, level: number): void {
    const { mm } = this;
    if (mm.freeUnlinkedTable === undefined) this.freeUnlinked(page, level);
    else mm.freeUnlinkedTable(page, level);
  }

  /** A WARN fired. */
  warn(text: string): void {
    if (!this.tables.store.task?.isReplaying) this.#warn?.(text);
  }
}

function checkRange(addr: number, size: number, what: string): void {
  checkAddress(addr, `${what}: addr`);
  checkAddress(size, `${what}: size`);
}

function checkLevel(level: number, what: string): void {
  if (Number.isInteger(level) && level >= 0 && level <= LAST_LEVEL) return;
  throw new RangeError(`${what}: ${String(level)} is no level from 0 to 3`);
}
