import { Visits } from "./visits.js";

/** leaf_walker() of kvm_pgtable_get_leaf(): the walker keeps the last leaf visited, valid or not. */
class LeafVisits extends Visits {
  override get writes(): boolean {
    return false;
  }

  override leaf(): number {
    return 0;
  }
}

export const leafVisits: Visits = new LeafVisits();
