import type { Pa } from "../address.js";
import { pteCacheable, pteExecutable } from "../descriptor/attributes.js";
import { LEAF_ATTR_HI, LEAF_ATTR_LO, PERMS_HI, PERMS_LO, SW_MASK_HI, TYPE_BLOCK, TYPE_TABLE_OR_PAGE, VALID } from "../descriptor/layout.js";
import { physToPteHi, physToPteLo, pteToPhys } from "../descriptor/output-address.js";
import { E2BIG, EAGAIN, EINVAL, ENOMEM } from "../errno.js";
import { LAST_LEVEL } from "../geometry/geometry.js";
import type { Stage2 } from "../stage2.js";
import type { MemoryCache } from "../table/memory-cache.js";
import { makePte, tryBreakPte, trySetPte } from "./entry.js";
import { Walk, type WalkFlags } from "./flags.js";
import { Walker } from "./walker.js";

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
export class MapWalker extends Walker {
  protected override readonly writes = true;

  constructor(
    pgt: Stage2,
    flags: WalkFlags,
    private readonly mapping: Mapping,
    private readonly cache: MemoryCache | null,
    override readonly quiet = false,
  ) {
    super(pgt, flags);
  }

  /** stage2_map_walk_table_pre(): a table whose whole range becomes one block is taken out. */
  protected override tablePre(): number {
    if (!this.#leafAllowed()) return 0;
    const ret = this.#tryLeaf();
    if (ret !== 0) return ret;
    const { pgt } = this;
    pgt.unlinked(pgt.tables.child(this.page, this.index, this.oldLo, this.oldHi), this.level);
    return 0;
  }

  /** stage2_map_walk_leaf() */
  protected override leaf(): number {
    const ret = this.#tryLeaf();
    if (ret !== -E2BIG) return ret;

    const { pgt } = this;
    if (this.level === LAST_LEVEL) {
      pgt.warn("stage2_map_walk_leaf: WARN_ON(ctx->level == KVM_PGTABLE_LAST_LEVEL)");
      return -EINVAL;
    }
    if (this.cache === null) return -ENOMEM;
    const child = pgt.zallocPage(this.cache, this.level + 1, this.at);
    if (child === null) return -ENOMEM;
    if (!tryBreakPte(this)) {
      pgt.putTable(child);
      return -EAGAIN;
    }
    makePte(this, child.entryLo, child.entryHi);
    return 0;
  }

  /** stage2_map_walker_phys_addr() */
  #phys(): number {
    return this.mapping.phys + (this.at - this.start);
  }

  /** stage2_leaf_mapping_allowed(), kvm_block_mapping_supported() */
  #leafAllowed(): boolean {
    const { level, at, mapping } = this;
    if (level < LAST_LEVEL && mapping.forcePte) return false;
    if (mapping.annotation) return true;
    const { geometry } = this.pgt;
    if (level < geometry.minBlockLevel) return false;
    const size = geometry.sizes[level]!;
    return size <= this.end - at && ((this.#phys() | at) & (size - 1)) === 0;
  }

  /** stage2_map_walker_try_leaf(). @returns -E2BIG if there can be no leaf here */
  #tryLeaf(): number {
    if (!this.#leafAllowed()) return -E2BIG;
    const { pgt, mapping, level, oldLo, oldHi, flags } = this;
    let lo = mapping.lo;
    let hi = mapping.hi;
    if (!mapping.annotation) {
      // kvm_init_valid_leaf_pte()
      const phys = this.#phys();
      const type = level === LAST_LEVEL ? TYPE_TABLE_OR_PAGE : TYPE_BLOCK;
      lo = physToPteLo(pgt.layout, phys) | (lo & LEAF_ATTR_LO) | type;
      hi = physToPteHi(pgt.layout, phys) | (hi & LEAF_ATTR_HI);
    }
    if (!needsUpdate(oldLo, oldHi, lo, hi)) return -EAGAIN;

    const onlySoftware = oldLo === lo && ((oldHi ^ hi) & ~SW_MASK_HI) === 0;
    if (onlySoftware && !this.shared) {
      trySetPte(this, lo, hi);
      return 0;
    }
    if (!tryBreakPte(this)) return -EAGAIN;

    if ((flags & Walk.SKIP_CMO) === 0) {
      const { mm } = pgt;
      if (mm.dcacheCleanInvalPoc !== undefined && pteCacheable(pgt.memAttrs, lo)) {
        mm.dcacheCleanInvalPoc(this.#target(lo, hi), pgt.geometry.sizes[level]!);
      }
      if (mm.icacheInvalPou !== undefined && pteExecutable(lo, hi)) {
        mm.icacheInvalPou(this.#target(lo, hi), pgt.geometry.sizes[level]!);
      }
    }
    makePte(this, lo, hi);
    return 0;
  }

  #target(lo: number, hi: number): Pa {
    return pteToPhys(this.pgt.layout, lo, hi);
  }
}

/** stage2_pte_needs_update(): false if the entries are valid and differ in permissions at most. */
function needsUpdate(oldLo: number, oldHi: number, lo: number, hi: number): boolean {
  if ((oldLo & lo & VALID) === 0) return true;
  return (((oldLo ^ lo) & ~PERMS_LO) | ((oldHi ^ hi) & ~PERMS_HI)) !== 0;
}
