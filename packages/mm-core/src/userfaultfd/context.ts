import { Cell, Shared, SpinLock, type Store, WaitQueue } from "@kvmm/interleave";
import type { Hva } from "../addresses.js";
import type { Mm } from "../mm.js";
import { isAnonymous, type VmaFields, VmFlag } from "../vma.js";

/** UFFD_FEATURE_* */
export const UffdFeature = {
  pagefaultFlagWp: 1 << 0,
  eventFork: 1 << 1,
  eventRemap: 1 << 2,
  eventRemove: 1 << 3,
  missingHugetlbfs: 1 << 4,
  missingShmem: 1 << 5,
  eventUnmap: 1 << 6,
  sigbus: 1 << 7,
  threadId: 1 << 8,
  minorHugetlbfs: 1 << 9,
  minorShmem: 1 << 10,
  exactAddress: 1 << 11,
  wpHugetlbfsShmem: 1 << 12,
  wpUnpopulated: 1 << 13,
  poison: 1 << 14,
  wpAsync: 1 << 15,
  move: 1 << 16,
} as const;

/** __VM_UFFD_FLAGS */
export const UFFD_FLAGS = VmFlag.uffdMissing | VmFlag.uffdWp | VmFlag.uffdMinor;

/** struct userfaultfd_wait_queue: a fault that waits for the handler. */
export class UserfaultWaiter extends Shared {
  readonly queue: WaitQueue;

  constructor(
    store: Store,
    readonly address: Hva,
  ) {
    super(store, `userfault at ${address.toString(16)}`);
    this.queue = new WaitQueue(store, `userfault at ${address.toString(16)} wait queue`);
  }

  override restore(): void {}
}

/** struct userfaultfd_ctx */
export class Userfaultfd extends Shared {
  /** {@link UffdFeature}; null before UFFDIO_API. */
  readonly features: Cell<number | null>;
  /** The descriptor was closed. */
  readonly released: Cell<boolean>;
  /** fault_pending_wqh and fault_wqh: the faults that wait. */
  readonly #waiters: Cell<readonly UserfaultWaiter[]>;
  readonly #waitersLock: SpinLock;

  constructor(
    readonly mm: Mm,
    /** UFFD_USER_MODE_ONLY: faults of the kernel are not its business. */
    readonly userModeOnly: boolean,
  ) {
    const { store } = mm.host;
    super(store, "userfaultfd_ctx");
    this.features = new Cell<number | null>(store, "userfaultfd_ctx->features", null);
    this.released = new Cell(store, "userfaultfd_ctx->released", false);
    this.#waitersLock = new SpinLock(store, "userfaultfd_ctx->fault_pending_wqh.lock");
    this.#waiters = new Cell<readonly UserfaultWaiter[]>(store, "userfaultfd_ctx->fault_pending_wqh", [], {
      lock: this.#waitersLock,
      lockless: true,
    });
  }

  /** A fault is about to wait: from here on a wake-up counts. */
  enqueue(address: Hva): UserfaultWaiter {
    const { store } = this;
    const waiter = store.create(() => new UserfaultWaiter(store, address));
    this.#waitersLock.lock();
    this.#waiters.update((waiters) => [...waiters, waiter]);
    waiter.queue.prepare();
    this.#waitersLock.unlock();
    return waiter;
  }

  /** It waits no longer. */
  dequeue(waiter: UserfaultWaiter): void {
    waiter.queue.finish();
    if (!this.#waiters.get().includes(waiter)) return;
    this.#waitersLock.lock();
    this.#waiters.update((waiters) => waiters.filter((other) => other !== waiter));
    this.#waitersLock.unlock();
  }

  /** wake_userfault(): the faults within `[start, start + length)` are taken again. */
  wake(start: Hva, length: number): void {
    if (this.#waiters.get().length === 0) return;
    this.#waitersLock.lock();
    const waiters = this.#waiters.get();
    const isWoken = ({ address }: UserfaultWaiter) => address >= start && address < start + length;
    for (const waiter of waiters) if (isWoken(waiter)) waiter.queue.wake();
    this.#waiters.set(waiters.filter((waiter) => !isWoken(waiter)));
    this.#waitersLock.unlock();
  }

  has(feature: number): boolean {
    return ((this.features.get() ?? 0) & feature) !== 0;
  }

  override restore(): void {}
}

/** userfaultfd_wp_async() */
export function isWpAsync({ uffd }: VmaFields): boolean {
  return uffd instanceof Userfaultfd && uffd.has(UffdFeature.wpAsync);
}

/** userfaultfd_wp_use_markers(): does write protection also hold for what is not mapped yet? */
export function usesMarkers(fields: VmaFields): boolean {
  if ((fields.flags & VmFlag.uffdWp) === 0) return false;
  if (!isAnonymous(fields)) return true;
  return fields.uffd instanceof Userfaultfd && fields.uffd.has(UffdFeature.wpUnpopulated);
}
