import { PROT_SW_MASK, Prot } from "../descriptor/prot.js";
import { type Geometry, LAST_LEVEL } from "../geometry/geometry.js";

/** A leaf, without tables around it. */
export interface FlatLeaf {
  readonly size: number;
  readonly pa: number;
  readonly prot: number;
  readonly type: "normal" | "device" | "normal-nc";
  readonly young: boolean;
}

const PERMISSIONS = Prot.RWX;

/** What the operations on stage-2 tables do, said about a map from addresses to leaves. */
export class FlatModel {
  /** By first address. */
  readonly leaves = new Map<number, FlatLeaf>();

  constructor(
    private readonly geometry: Geometry,
    private readonly startLevel: number,
  ) {}

  /** With IGNORE_EAGAIN; `prot` is a valid one. */
  map(addr: number, size: number, pa: number, prot: number): void {
    const { minBlockLevel, pageSize, sizes } = this.geometry;
    const end = addr + size;
    let at = addr;
    while (at < end) {
      for (let level = this.startLevel; level <= LAST_LEVEL; level++) {
        const granule = sizes[level]!;
        const target = pa + (at - addr);
        const fits =
          level >= minBlockLevel && granule <= end - at && at % granule === 0 && target % granule === 0;
        const base = Math.floor(at / granule) * granule;
        const old = this.leaves.get(base);
        if (!fits) {
          // A block in the way becomes a table; what is not mapped again is gone.
          if (old?.size === granule) this.leaves.delete(base);
          continue;
        }
        const leaf = {
          size: granule,
          pa: target,
          prot: prot & (PERMISSIONS | PROT_SW_MASK),
          type: typeOf(prot),
          young: true,
        };
        if (old === undefined || old.size !== granule || !sameButPermissions(old, leaf)) {
          // No block lies around it any more: what it replaces begins within.
          for (let page = base; page < base + granule; page += pageSize) this.leaves.delete(page);
          this.leaves.set(base, leaf);
        }
        at += granule;
        break;
      }
    }
  }

  unmap(addr: number, size: number): void {
    this.#remove(addr, addr + size);
  }

  wrprotect(addr: number, size: number): void {
    this.#change(addr, size, (leaf) => ({ ...leaf, prot: leaf.prot & ~Prot.W }));
  }

  mkyoung(addr: number): void {
    this.#change(addr, 1, (leaf) => ({ ...leaf, young: true }));
  }

  testClearYoung(addr: number, size: number, mkold: boolean): boolean {
    let young = false;
    this.#change(addr, size, (leaf) => {
      young ||= leaf.young;
      return mkold ? { ...leaf, young: false } : leaf;
    });
    return young;
  }

  relaxPerms(addr: number, prot: number): void {
    const x = prot & Prot.X;
    this.#change(addr, 1, (leaf) => ({
      ...leaf,
      prot: (leaf.prot & (x === 0 ? ~0 : ~Prot.X)) | (prot & Prot.RW) | x,
    }));
  }

  /** With enough memory: all blocks that are touched become pages. */
  split(addr: number, size: number): void {
    const { pageSize } = this.geometry;
    for (const [base, leaf] of [...this.leaves]) {
      if (leaf.size === pageSize || base >= addr + size || base + leaf.size <= addr) continue;
      this.leaves.delete(base);
      for (let at = 0; at < leaf.size; at += pageSize) {
        this.leaves.set(base + at, {
          ...leaf,
          size: pageSize,
          pa: leaf.pa + at,
          type: "normal",
          young: true,
        });
      }
    }
  }

  #remove(from: number, to: number): void {
    for (const [base, leaf] of this.leaves)
      if (base < to && from < base + leaf.size) this.leaves.delete(base);
  }

  #change(addr: number, size: number, change: (leaf: FlatLeaf) => FlatLeaf): void {
    for (const [base, leaf] of this.leaves) {
      if (base < addr + size && addr < base + leaf.size) this.leaves.set(base, change(leaf));
    }
  }
}

function typeOf(prot: number): FlatLeaf["type"] {
  if (prot & Prot.DEVICE) return "device";
  return prot & Prot.NORMAL_NC ? "normal-nc" : "normal";
}

function sameButPermissions(a: FlatLeaf, b: FlatLeaf): boolean {
  const sw = (leaf: FlatLeaf) => leaf.prot & PROT_SW_MASK;
  return a.pa === b.pa && a.type === b.type && a.young === b.young && sw(a) === sw(b);
}
