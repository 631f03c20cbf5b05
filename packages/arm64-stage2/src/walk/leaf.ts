import type { Stage2 } from "../stage2.js";
import { Walk } from "./flags.js";
import { Walker } from "./walker.js";

/** leaf_walker() of kvm_pgtable_get_leaf(): keeps the last leaf visited, valid or not, in `oldLo`, `oldHi` and `level`. */
export class LeafWalker extends Walker {
  protected override readonly writes = false;

  constructor(pgt: Stage2) {
    super(pgt, Walk.LEAF);
  }

  protected override leaf(): number {
    return 0;
  }
}
