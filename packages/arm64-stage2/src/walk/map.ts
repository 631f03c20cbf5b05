import type { Ipa } from "../address.js";
import { pteCacheable, pteExecutable } from "../descriptor/attributes.js";
import {
  LEAF_ATTR_HI,
  LEAF_ATTR_LO,
  PERMS_HI,
  PERMS_LO,
  SW_MASK_HI,
  TYPE_BLOCK,
  TYPE_TABLE_OR_PAGE,
  VALID,
} from "../descriptor/layout.js";
import { physToPteHi, physToPteLo, pteToPhys } from "../descriptor/output-address.js";
import { E2BIG, EAGAIN, EINVAL, ENOMEM } from "../errno.js";
import { LAST_LEVEL } from "../geometry/geometry.js";
import type { MemoryCache } from "../table/memory-cache.js";
import { isTable, makePte, tryBreakLeaf, tryBreakPte, trySetPte } from "./entry.js";
import { Walk } from "./flags.js";
import { Visits } from "./visits.js";
import type { Walker } from "./walker.js";

/** What a map walk puts into the leaves. */
export interface Mapping {
  /** Output address of the start of the range. */
  readonly phys: number;
  /** Attributes of the leaves; of an annotation, the entry itself. */
  readonly lo: number;
  readonly hi: number;
  /** The leaves are no mappings but invalid entries that say something. */
  readonly annotation: boolean;
  /** Map by pages even where a block would do. */
  readonly forcePte: boolean;
}

/** stage2_map_walker() */
export class MapVisits extends Visits {
  constructor(
    private readonly mapping: Mapping,
    private readonly cache: MemoryCache | null,
  ) {
    super();
  }

  override get writes(): boolean {
    return true;
  }

  /** stage2_map_walk_table_pre(): a table whose whole range becomes one block is taken out. */
  override tablePre(walker: Walker): number {
    if (!leafAllowed(walker, this.mapping)) return 0;
    const ret = tryLeaf(walker, this.mapping);
    if (ret !== 0) return ret;
    const { pgt } = walker;
    if (pgt.behaviour.blockOverTable === "overwrite") return 0;
    pgt.unlinked(pgt.tables.child(walker.page, walker.index, walker.oldLo, walker.oldHi), walker.level);
    return 0;
  }

  /** stage2_map_walk_leaf() */
  override leaf(walker: Walker): number {
    const ret = tryLeaf(walker, this.mapping);
    if (ret !== -E2BIG) return ret;

    const { pgt } = walker;
    if (walker.level === LAST_LEVEL) {
      pgt.warn("stage2_map_walk_leaf: WARN_ON(ctx->level == KVM_PGTABLE_LAST_LEVEL)");
      return -EINVAL;
    }
    if (this.cache === null) return -ENOMEM;
    const child = pgt.zallocPage(this.cache, walker.level + 1, walker.at);
    if (child === null) return -ENOMEM;
    if (!tryBreakPte(walker)) {
      pgt.putTable(child);
      return -EAGAIN;
    }
    makePte(walker, child.entryLo, child.entryHi);
    return 0;
  }
}

/** stage2_map_walker_phys_addr() */
function physAt(walker: Walker, mapping: Mapping): number {
  return mapping.phys + (walker.at - walker.start);
}

/** stage2_leaf_mapping_allowed(), kvm_block_mapping_supported() */
function leafAllowed(walker: Walker, mapping: Mapping): boolean {
  const { level, at } = walker;
  if (level < LAST_LEVEL && mapping.forcePte) return false;
  if (mapping.annotation) return true;
  const { geometry } = walker.pgt;
  if (level < geometry.minBlockLevel) return false;
  const size = geometry.sizes[level]!;
  return size <= walker.end - at && ((physAt(walker, mapping) | at) & (size - 1)) === 0;
}

/** stage2_map_walker_try_leaf(). @returns -E2BIG if there can be no leaf here */
function tryLeaf(walker: Walker, mapping: Mapping): number {
  if (!leafAllowed(walker, mapping)) return -E2BIG;
  const { pgt, level, oldLo, oldHi } = walker;
  let lo = mapping.lo;
  let hi = mapping.hi;
  if (!mapping.annotation) {
    // kvm_init_valid_leaf_pte()
    const phys = physAt(walker, mapping);
    const type = level === LAST_LEVEL ? TYPE_TABLE_OR_PAGE : TYPE_BLOCK;
    lo = physToPteLo(pgt.layout, phys) | (lo & LEAF_ATTR_LO) | type;
    hi = physToPteHi(pgt.layout, phys) | (hi & LEAF_ATTR_HI);
  }
  if (!needsUpdate(oldLo, oldHi, lo, hi)) return -EAGAIN;

  const onlySoftware = oldLo === lo && ((oldHi ^ hi) & ~SW_MASK_HI) === 0;
  if (onlySoftware && !walker.shared) {
    trySetPte(walker, lo, hi);
    return 0;
  }
  if (pgt.behaviour.blockOverTable === "overwrite" && isTable(oldLo, level)) {
    if (!trySetPte(walker, lo, hi)) return -EAGAIN;
    pgt.tlb.flushVmidIpa(walker.at as Ipa, level);
    return 0;
  }
  if (!tryBreakLeaf(walker)) return -EAGAIN;
  if ((walker.flags & Walk.SKIP_CMO) === 0) cleanCaches(walker, lo, hi);
  makePte(walker, lo, hi);
  return 0;
}

/** What the guest is about to see may still be in caches. */
function cleanCaches({ pgt, level }: Walker, lo: number, hi: number): void {
  const { mm, geometry, layout } = pgt;
  if (mm.dcacheCleanInvalPoc !== undefined && pteCacheable(pgt.memAttrs, lo)) {
    mm.dcacheCleanInvalPoc(pteToPhys(layout, lo, hi), geometry.sizes[level]!);
  }
  if (mm.icacheInvalPou !== undefined && pteExecutable(lo, hi)) {
    mm.icacheInvalPou(pteToPhys(layout, lo, hi), geometry.sizes[level]!);
  }
}

/** stage2_pte_needs_update(): false if the entries are valid and differ in permissions at most. */
function needsUpdate(oldLo: number, oldHi: number, lo: number, hi: number): boolean {
  if ((oldLo & lo & VALID) === 0) return true;
  return (((oldLo ^ lo) & ~PERMS_LO) | ((oldHi ^ hi) & ~PERMS_HI)) !== 0;
}
