import { Cell, Mutex, RwLock, Shared } from "@kvmm/interleave";
import type { Hva, Pfn } from "@kvmm/mm-core";
import { INVALID_GPA, KVM_HVA_ERR_BAD } from "../flags.js";
import type { Kvm } from "../kvm.js";
import type { Memslot } from "../slots/memslot.js";

/** No page, where a pfn is expected (KVM_PFN_ERR_FAULT): frame 0 does not exist. */
export const NO_PFN: Pfn = 0;

/**
 * struct gfn_to_pfn_cache: one page of guest memory that KVM itself reads and writes, without a reference to it: an
 * MMU notifier takes it away in time. Written under `lock` and `refreshLock`; only the notifier clears `valid` under
 * `lock` alone.
 */
export class GfnToPfnCache extends Shared {
  readonly lock: RwLock;
  readonly refreshLock: Mutex;
  readonly gpa: Cell<number>;
  readonly uhva: Cell<Hva>;
  readonly memslot: Cell<Memslot | null>;
  readonly generation: Cell<number>;
  readonly active: Cell<boolean>;
  readonly valid: Cell<boolean>;
  readonly pfn: Cell<Pfn>;
  /** gpc->khva, as the host physical address that it maps; 0: nothing. */
  readonly khva: Cell<number>;

  /** kvm_gpc_init() */
  constructor(readonly kvm: Kvm) {
    const { store } = kvm;
    super(store, "gpc");
    this.lock = new RwLock(store, "gpc->lock");
    this.refreshLock = new Mutex(store, "gpc->refresh_lock");
    const initialised = kvm.behaviour.gpcActivateLocks === "init";
    this.lock.isSeenHeld = initialised;
    this.refreshLock.isSeenHeld = initialised;
    const guard = { lock: this.lock };
    // Also read by whoever holds refresh_lock alone.
    const refresher = { lock: this.lock, lockless: true };
    this.gpa = new Cell(store, "gpc->gpa", INVALID_GPA, refresher);
    this.uhva = new Cell(store, "gpc->uhva", KVM_HVA_ERR_BAD, refresher);
    this.memslot = new Cell<Memslot | null>(store, "gpc->memslot", null, guard);
    this.generation = new Cell(store, "gpc->generation", 0, guard);
    this.active = new Cell(store, "gpc->active", false, refresher);
    this.valid = new Cell(store, "gpc->valid", false, guard);
    this.pfn = new Cell(store, "gpc->pfn", NO_PFN, refresher);
    this.khva = new Cell(store, "gpc->khva", 0, guard);
  }

  override restore(): void {}
}

/** A cache that nothing is in yet. */
export function createGpc(kvm: Kvm): GfnToPfnCache {
  return kvm.store.create(() => new GfnToPfnCache(kvm));
}
