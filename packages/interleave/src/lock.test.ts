import { describe, expect, test } from "vitest";
import {
  Cell,
  GuardError,
  LockError,
  Mutex,
  RwLock,
  RwSemaphore,
  SpinLock,
  Srcu,
  Store,
  search,
  WaitQueue,
} from "./index.js";

function locks() {
  const store = new Store();
  return {
    store,
    spin: new SpinLock(store, "slots_lock"),
    mutex: new Mutex(store, "kvm->lock"),
    rw: new RwLock(store, "mmu_lock"),
    semaphore: new RwSemaphore(store, "mmap_lock"),
  };
}

describe("a lock, taken alone", () => {
  test("names itself and its holder when that holder would wait for itself", () => {
    const { spin, mutex, rw, semaphore } = locks();
    mutex.lock();
    expect(() => mutex.lock()).toThrow(
      new LockError(mutex, "the caller blocks on kvm->lock, which it holds itself"),
    );
    mutex.unlock();
    semaphore.writeLock();
    expect(() => semaphore.readLock()).toThrow("the caller blocks on mmap_lock");
    semaphore.writeUnlock();
    spin.lock();
    expect(() => spin.lock()).toThrow("the caller blocks on slots_lock");
    rw.writeLock();
    expect(() => rw.writeLock()).toThrow("the caller blocks on mmu_lock");
    expect(() => rw.readLock()).toThrow("the caller blocks on mmu_lock");
  });

  test("says for whom it would wait for ever", () => {
    const { store, spin } = locks();
    store.names[7] = "kswapd";
    store.tid = 7;
    spin.lock();
    store.tid = 0;
    expect(() => spin.lock()).toThrow("the caller would wait for ever for slots_lock, held by kswapd");
    expect(spin.isHeld()).toBe(false);
  });

  test("is tried only if it says that it is", () => {
    const { spin, mutex } = locks();
    expect(() => spin.tryLock()).toThrow("slots_lock is tried: its isSeenHeld has to be true");
    spin.isSeenHeld = mutex.isSeenHeld = true;
    expect([spin.tryLock(), spin.tryLock()]).toEqual([true, false]);
    // mutex_trylock() does not sleep.
    expect([mutex.tryLock(), mutex.isHeld()]).toEqual([true, true]);
    mutex.unlock();
    spin.unlock();
    expect(spin.tryLock()).toBe(true);
  });

  test("cannot be released by whoever does not hold it", () => {
    const { store, spin, rw, semaphore } = locks();
    expect(() => spin.unlock()).toThrow("the caller releases slots_lock, which it does not hold");
    expect(() => rw.readUnlock()).toThrow("the caller releases mmu_lock");
    expect(() => rw.writeUnlock()).toThrow("the caller releases mmu_lock");
    semaphore.readLock();
    expect(() => semaphore.writeUnlock()).toThrow("the caller releases mmap_lock");
    spin.lock();
    store.tid = 3;
    expect(() => spin.unlock()).toThrow("task 3 releases slots_lock");
    expect(() => semaphore.readUnlock()).toThrow("task 3 releases mmap_lock");
  });

  test("may be released in any order", () => {
    const { store, spin, mutex, rw } = locks();
    mutex.lock();
    spin.lock();
    rw.readLock();
    rw.readLock();
    spin.unlock();
    expect(store.held.of(0).map((lock) => lock.name)).toEqual(["kvm->lock", "mmu_lock", "mmu_lock"]);
    mutex.unlock();
    rw.readUnlock();
    rw.readUnlock();
    expect(store.held.of(0)).toEqual([]);
  });

  test("must not sleep, nor wait, while one that spins is held", () => {
    const { store, spin, mutex, rw, semaphore } = locks();
    const srcu = new Srcu(store, "kvm->srcu");
    const queue = new WaitQueue(store, "mn_memslots_update_rcuwait");
    const sleepers: [string, () => void][] = [
      ["takes kvm->lock", () => mutex.lock()],
      ["takes mmap_lock", () => semaphore.readLock()],
      ["takes mmap_lock", () => semaphore.writeLock()],
      ["sleeps on mn_memslots_update_rcuwait", () => queue.sleep()],
      ["waits for kvm->srcu", () => srcu.synchronize()],
    ];
    rw.readLock();
    for (const [what, sleep] of sleepers) {
      expect(sleep).toThrow(`the caller ${what} while it holds mmu_lock: sleeping while atomic`);
    }
    rw.readUnlock();
    for (const [, sleep] of sleepers) {
      sleep();
      if (mutex.isHeld()) mutex.unlock();
      if (semaphore.isHeldExclusively()) semaphore.writeUnlock();
      if (semaphore.isHeld()) semaphore.readUnlock();
    }
    mutex.lock();
    spin.lock();
    expect(() => semaphore.readLock()).toThrow("while it holds slots_lock");
  });
});

describe("a reader-writer lock", () => {
  test("lets the readers of an rwlock nest, but not those of a semaphore", () => {
    const { rw, semaphore } = locks();
    rw.readLock();
    rw.readLock();
    expect(rw.holders()).toEqual([0, 0]);
    expect(() => rw.writeLock()).toThrow("the caller blocks on mmu_lock, which it holds itself");
    rw.readUnlock();
    expect(rw.isHeld()).toBe(true);
    rw.readUnlock();
    expect(rw.isHeld()).toBe(false);
    semaphore.readLock();
    expect(() => semaphore.readLock()).toThrow("the caller blocks on mmap_lock, which it holds itself");
  });

  test("lets explored readers in together, nested too, and no writer between them", () => {
    const { store, rw } = locks();
    const inside = new Cell(store, "readers inside", 0);
    const reader = () => {
      rw.readLock();
      inside.update((n) => n + 1);
      rw.readLock();
      inside.update((n) => n - 1);
      rw.readUnlock();
      rw.readUnlock();
    };
    let together = 0;
    const writer = () => {
      rw.writeLock();
      if (inside.get() !== 0) throw new Error("a writer among readers");
      rw.writeUnlock();
    };
    const result = search(
      store,
      [
        { name: "a", calls: [reader] },
        { name: "b", calls: [reader] },
        { name: "w", calls: [writer] },
      ],
      {
        check: () => {
          together = Math.max(together, inside.peek());
          return undefined;
        },
      },
    );
    expect(result).toMatchObject({ violations: [], exhaustive: true });
    expect(together).toBe(2);
  });

  test("stops an explored task that waits for itself as soon as it does", () => {
    const { store, rw } = locks();
    const upgrade = () => {
      rw.readLock();
      rw.writeLock();
    };
    const { violations } = search(store, [
      { name: "vcpu", calls: [upgrade] },
      { name: "other", calls: [() => store.choose("anything", 2)] },
    ]);
    expect(violations).toMatchObject([
      { kind: "deadlock", message: "vcpu blocks on mmu_lock, which it holds itself", steps: [{}] },
    ]);
  });

  test("refuses a second down_read of an explored task", () => {
    const { store, semaphore } = locks();
    const twice = () => {
      semaphore.readLock();
      semaphore.readLock();
    };
    expect(search(store, [{ name: "vcpu", calls: [twice] }]).violations).toMatchObject([
      { kind: "error", message: "vcpu blocks on mmap_lock, which it holds itself" },
    ]);
  });
});

describe("guarded state", () => {
  test("cannot be touched without its lock", () => {
    const { store, mutex } = locks();
    const cell = new Cell(store, "kvm->nr_memslots", 0, { lock: mutex });
    expect(() => cell.get()).toThrow(new GuardError(cell, 0, mutex));
    expect(() => cell.get()).toThrow("read of kvm->nr_memslots without kvm->lock");
    expect(() => cell.set(1)).toThrow("write to kvm->nr_memslots without kvm->lock held exclusively");
    mutex.lock();
    cell.set(1);
    expect(cell.get()).toBe(1);
  });

  test("is read under the read lock, and written under the write lock only", () => {
    const { store, rw } = locks();
    const cell = new Cell(store, "cell", 0, { lock: rw });
    rw.readLock();
    expect(cell.get()).toBe(0);
    expect(() => cell.set(1)).toThrow("without mmu_lock held exclusively");
    rw.readUnlock();
    rw.writeLock();
    cell.set(1);
    expect(cell.update((n) => n + 1)).toBe(2);
  });

  test("with lockless readers is still written under the lock only", () => {
    const { store, spin } = locks();
    const cell = new Cell(store, "cell", 0, { lock: spin, lockless: true });
    expect(cell.get()).toBe(0);
    expect(() => cell.set(1)).toThrow(GuardError);
  });

  test("of a lock that another task holds cannot be touched either", () => {
    const { store, spin } = locks();
    const cell = new Cell(store, "cell", 0, { lock: spin });
    const result = search(
      store,
      [
        {
          name: "holder",
          calls: [
            () => {
              spin.lock();
              cell.set(1);
              spin.unlock();
            },
          ],
        },
        {
          name: "intruder",
          calls: [
            () => {
              store.choose("when", 1);
              cell.get();
            },
          ],
        },
      ],
      { stopAtFirst: false },
    );
    expect(new Set(result.violations.map(({ message }) => message))).toEqual(
      new Set(["read of cell without slots_lock"]),
    );
  });
});
