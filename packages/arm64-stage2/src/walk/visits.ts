import { EINVAL } from "../errno.js";
import type { Walker } from "./walker.js";

/**
 * kvm_pgtable_visitor_fn_t: what an operation on the tables does at each entry that its walk visits. No fields here: that
 * keeps the many classes fast to make.
 */
export abstract class Visits {
  /** Does it change entries? Then, unless the walk is shared, nobody else may walk. */
  abstract get writes(): boolean;

  /** KVM_PGTABLE_WALK_LEAF. @returns 0 or a negative errno */
  abstract leaf(walker: Walker): number;

  /** KVM_PGTABLE_WALK_TABLE_PRE */
  tablePre(_walker: Walker): number {
    return -EINVAL;
  }

  /** KVM_PGTABLE_WALK_TABLE_POST */
  tablePost(_walker: Walker): number {
    return -EINVAL;
  }
}
