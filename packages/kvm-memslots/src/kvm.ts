import { Cell, Mutex, RwLock, Shared, Sparse, SpinLock, Srcu, WaitQueue } from "@kvmm/interleave";
import type { Host, Hva, Mm, MmuNotifier, NotifierRange, Task } from "@kvmm/mm-core";
import type { KvmBehaviour } from "./behaviour.js";
import type { KvmModule } from "./files/kvm-module.js";
import { INVALID_GPA } from "./flags.js";
import {
  clearFlushYoung,
  clearYoung,
  notifierInvalidateRangeEnd,
  notifierInvalidateRangeStart,
  notifierRelease,
  testYoung,
} from "./invalidate/mmu-notifier.js";
import type { SecondaryMmu } from "./mmu/secondary-mmu.js";
import type { GfnToPfnCache } from "./pfncache/gfn-to-pfn-cache.js";
import type { Gfn, Memslot } from "./slots/memslot.js";
import { Memslots } from "./slots/memslots.js";

/** What KVM's trace points show of the MMU notifiers, with the place in mm that raised them. */
export interface KvmObserver {
  /** kvm_unmap_hva_range */
  unmapHvaRange(range: NotifierRange): void;
  /** kvm_age_hva */
  ageHva(start: Hva, end: Hva, site: string): void;
  /** kvm_test_age_hva */
  testAgeHva(address: Hva, site: string): void;
}

/** struct kvm: a virtual machine. It listens to the MMU notifiers of the process that created it. */
export class Kvm extends Shared implements MmuNotifier {
  readonly host: Host;
  readonly behaviour: KvmBehaviour;
  /** kvm->mm: only this process may use the descriptors. */
  readonly mm: Mm;
  readonly mmu: SecondaryMmu;

  readonly mmuLock: RwLock;
  /** kvm->lock: the vCPUs, and capabilities that depend on there being none. */
  readonly lock: Mutex;
  readonly slotsLock: Mutex;
  readonly slotsArchLock: Mutex;
  readonly srcu: Srcu;
  readonly mnInvalidateLock: SpinLock;
  /** kvm->mn_memslots_update_rcuwait: where a memslot update waits for invalidations to end. */
  readonly mnMemslotsUpdateRcuwait: WaitQueue;
  readonly mnActiveInvalidateCount: Cell<number>;
  /** 7.3 */
  readonly gpcInvalidateSeq: Cell<number>;
  readonly mmuInvalidateInProgress: Cell<number>;
  readonly mmuInvalidateSeq: Cell<number>;
  readonly mmuInvalidateRangeStart: Cell<Gfn>;
  readonly mmuInvalidateRangeEnd: Cell<Gfn>;

  readonly gpcLock: SpinLock;
  readonly gpcList: Cell<readonly GfnToPfnCache[]>;

  /** kvm->users_count: the descriptors of the VM, its vCPUs and its guest_memfds. */
  readonly usersCount: Cell<number>;
  readonly nrMemslotPages: Cell<number>;
  /** kvm->nr_memslots_dirty_logging */
  readonly nrMemslotsDirtyLogging: Cell<number>;
  readonly createdVcpus: Cell<number>;
  /** kvm->vcpu_array, as the ids that are taken. */
  readonly vcpuIds: Cell<readonly number[]>;
  /** KVM_ARCH_FLAG_MTE_ENABLED */
  readonly mteEnabled: Cell<boolean>;
  /** kvm->manual_dirty_log_protect: the bits of KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 that are on. */
  readonly manualDirtyLogProtect: Cell<bigint>;
  /** kvm->mem_attr_array: by gfn, as `entryOf` of memory-attributes.ts has it. */
  readonly memAttrArray: Sparse;
  /** kvm->vm_dead, by a KVM_BUG_ON(). */
  readonly vmDead: Cell<boolean>;

  /** Who watches the trace points; nobody by default. Not part of the state. */
  observer: KvmObserver | null = null;
  /** The gfn at which KVM_SET_MEMORY_ATTRIBUTES finds no memory for its entry (fault injection). Not part of the state. */
  failReserveAt: Gfn | null = null;

  readonly #sets: readonly (readonly [Memslots, Memslots])[];
  readonly #active: readonly Cell<Memslots>[];

  constructor(
    readonly module: KvmModule,
    task: Task,
    name: string,
    createMmu: (kvm: Kvm) => SecondaryMmu,
  ) {
    const { host, behaviour } = module;
    const { store } = host;
    super(store, name);
    this.host = host;
    this.behaviour = behaviour;
    this.mm = task.mm;
    this.mmuLock = new RwLock(store, "kvm->mmu_lock");
    this.lock = new Mutex(store, "kvm->lock");
    this.slotsLock = new Mutex(store, "kvm->slots_lock");
    this.slotsArchLock = new Mutex(store, "kvm->slots_arch_lock");
    this.srcu = new Srcu(store, "kvm->srcu");
    this.mnInvalidateLock = new SpinLock(store, "kvm->mn_invalidate_lock");
    this.mnMemslotsUpdateRcuwait = new WaitQueue(store, "kvm->mn_memslots_update_rcuwait");
    this.gpcLock = new SpinLock(store, "kvm->gpc_lock");

    const byInvalidateLock = { lock: this.mnInvalidateLock, lockless: true };
    const byMmuLock = { lock: this.mmuLock };
    // Read locklessly only where a pfncache goes by it; otherwise nobody looks at it without mmu_lock.
    const inProgressGuard = {
      lock: this.mmuLock,
      lockless: behaviour.gpcActiveCount === "mmu_invalidate_in_progress",
    };
    this.mnActiveInvalidateCount = new Cell(store, "kvm->mn_active_invalidate_count", 0, byInvalidateLock);
    this.gpcInvalidateSeq = new Cell(store, "kvm->gpc_invalidate_seq", 0, byInvalidateLock);
    this.mmuInvalidateInProgress = new Cell(store, "kvm->mmu_invalidate_in_progress", 0, inProgressGuard);
    this.mmuInvalidateSeq = new Cell(store, "kvm->mmu_invalidate_seq", 0, {
      lock: this.mmuLock,
      lockless: true,
    });
    this.mmuInvalidateRangeStart = new Cell(store, "kvm->mmu_invalidate_range_start", INVALID_GPA, byMmuLock);
    this.mmuInvalidateRangeEnd = new Cell(store, "kvm->mmu_invalidate_range_end", INVALID_GPA, byMmuLock);
    this.gpcList = new Cell<readonly GfnToPfnCache[]>(store, "kvm->gpc_list", [], { lock: this.gpcLock });

    const bySlotsLock = { lock: this.slotsLock };
    this.usersCount = new Cell(store, "kvm->users_count", 1);
    this.nrMemslotPages = new Cell(store, "kvm->nr_memslot_pages", 0, bySlotsLock);
    this.nrMemslotsDirtyLogging = new Cell(store, "kvm->nr_memslots_dirty_logging", 0, bySlotsLock);
    this.createdVcpus = new Cell(store, "kvm->created_vcpus", 0, { lock: this.lock });
    this.vcpuIds = new Cell<readonly number[]>(store, "kvm->vcpu_array", [], { lock: this.lock });
    this.mteEnabled = new Cell(store, "KVM_ARCH_FLAG_MTE_ENABLED", false, {
      lock: this.slotsLock,
      lockless: true,
    });
    this.manualDirtyLogProtect = new Cell(store, "kvm->manual_dirty_log_protect", 0n);
    this.memAttrArray = new Sparse(store, "kvm->mem_attr_array", { lock: this.slotsLock, lockless: true });
    this.vmDead = new Cell(store, "kvm->vm_dead", false);

    this.mmu = createMmu(this);
    const published = { lock: this.slotsLock, lockless: true };
    const sets: [Memslots, Memslots][] = [];
    for (let asId = 0; asId < this.mmu.traits.addressSpaces; asId++) {
      sets.push([new Memslots(store, asId, 0, published), new Memslots(store, asId, 1, published)]);
    }
    this.#sets = sets;
    this.#active = sets.map(
      ([first], asId) => new Cell<Memslots>(store, `kvm->memslots[${asId}]`, first, byInvalidateLock),
    );
  }

  /** __kvm_memslots(): the active set. Under kvm->srcu or slots_lock. */
  memslots(asId = 0): Memslots {
    return this.#active[asId]!.get();
  }

  /** kvm_get_inactive_memslots() */
  inactiveMemslots(asId: number): Memslots {
    return this.#sets[asId]![this.memslots(asId).nodeIdx === 0 ? 1 : 0];
  }

  /** Makes a set the active one (rcu_assign_pointer). */
  publish(slots: Memslots): void {
    this.#active[slots.asId]!.set(slots);
  }

  /** The active set as it is; not an access. */
  peekMemslots(asId = 0): Memslots {
    return this.#active[asId]!.peek();
  }

  /** gfn_to_memslot(), under kvm->srcu */
  gfnToMemslot(gfn: Gfn): Memslot | null {
    return this.memslots().byGfn(gfn) ?? null;
  }

  /** KVM_BUG_ON(): warned of once; from then on every ioctl of the VM fails. */
  bug(fn: string, text: string): void {
    this.host.warn(fn, text);
    this.vmDead.set(true);
  }

  invalidateRangeStart(range: NotifierRange): undefined {
    notifierInvalidateRangeStart(this, range);
    return undefined;
  }

  invalidateRangeEnd(range: NotifierRange): void {
    notifierInvalidateRangeEnd(this, range);
  }

  clearFlushYoung(start: Hva, end: Hva, site: string): boolean {
    return clearFlushYoung(this, start, end, site);
  }

  clearYoung(start: Hva, end: Hva, site: string): boolean {
    return clearYoung(this, start, end, site);
  }

  testYoung(address: Hva, site: string): boolean {
    return testYoung(this, address, site);
  }

  release(): void {
    notifierRelease(this);
  }

  override restore(): void {}
}
