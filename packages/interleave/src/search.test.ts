import { describe, expect, test } from "vitest";
import { AGAIN, add, Cell, Mutex, RwLock, repeat, Store, search, Srcu, WaitQueue, SpinLock } from "./index.js";

/** KVM's retry protocol: a fault must not map a page that an invalidation, begun since it looked, has taken away. */
function protocol(store: Store, options: { checksSequence: boolean }) {
  const mmuLock = new RwLock(store, "kvm->mmu_lock");
  const seq = new Cell(store, "kvm->mmu_invalidate_seq", 0, { lock: mmuLock, lockless: true });
  const inProgress = new Cell(store, "kvm->mmu_invalidate_in_progress", 0, { lock: mmuLock });
  const pte = new Cell(store, "pte", 1);
  const spte = new Cell(store, "spte", 0, { lock: mmuLock });

  const fault = () =>
    repeat(store, "user_mem_abort", () => {
      const sample = seq.get();
      const page = pte.get();
      if (page === 0) return "EFAULT";
      mmuLock.writeLock();
      const stale = options.checksSequence && (inProgress.get() > 0 || seq.get() !== sample);
      if (!stale) spte.set(page);
      mmuLock.writeUnlock();
      return stale ? AGAIN : "mapped";
    });
  const invalidate = () => {
    mmuLock.writeLock();
    add(inProgress, 1);
    spte.set(0);
    mmuLock.writeUnlock();
    pte.set(0);
    mmuLock.writeLock();
    add(seq, 1);
    add(inProgress, -1);
    mmuLock.writeUnlock();
  };
  const check = () => (pte.peek() === 0 && spte.peek() !== 0 && inProgress.peek() === 0 ? "stale translation" : undefined);
  return { fault, invalidate, check };
}

describe("a search over every interleaving", () => {
  test("finds no stale translation in the retry protocol, and says that it looked everywhere", () => {
    const store = new Store();
    const { fault, invalidate, check } = protocol(store, { checksSequence: true });
    const result = search(
      store,
      [
        { name: "vcpu", calls: [fault] },
        { name: "vmm", calls: [invalidate] },
      ],
      { check },
    );
    console.log(result);
    expect(result).toMatchObject({ violations: [], exhaustive: true });
    expect(result.finals).toBeGreaterThan(0);
  });

  test("finds the stale translation when the sequence is not checked", () => {
    const store = new Store();
    const { fault, invalidate, check } = protocol(store, { checksSequence: false });
    const result = search(
      store,
      [
        { name: "vcpu", calls: [fault] },
        { name: "vmm", calls: [invalidate] },
      ],
      { check },
    );
    expect(result.violations[0]).toMatchObject({ kind: "check", message: "stale translation" });
    console.log(result.violations[0]!.steps.map((s) => `${s.thread}: ${s.what} [${s.accesses.map((a) => a.object?.name + ":" + a.kind)}]`).join("\n"));
  });
});
