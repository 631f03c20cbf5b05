import { describe, expect, test } from "vitest";
import { AGAIN, add, Cell, RwLock, repeat, Store, search } from "./index.js";

type Mistake = "does not check the sequence" | "does not check in_progress" | "samples after the lookup";

/** KVM's retry protocol: a fault must not map a page that an invalidation, begun since it looked, has taken away. */
function protocol(vcpus: number, mistake?: Mistake) {
  const store = new Store();
  const mmuLock = new RwLock(store, "kvm->mmu_lock");
  const seq = new Cell(store, "kvm->mmu_invalidate_seq", 0, { lock: mmuLock, lockless: true });
  const inProgress = new Cell(store, "kvm->mmu_invalidate_in_progress", 0, { lock: mmuLock });
  const pte = new Cell(store, "pte", 1);
  const spte = new Cell(store, "spte", 0, { lock: mmuLock });

  const isStale = (sample: number) =>
    (mistake !== "does not check in_progress" && inProgress.get() > 0) ||
    (mistake !== "does not check the sequence" && seq.get() !== sample);
  const fault = () =>
    repeat(store, "user_mem_abort", () => {
      let sample = seq.get();
      const page = pte.get();
      if (mistake === "samples after the lookup") sample = seq.get();
      if (page === 0) return "EFAULT";
      mmuLock.writeLock();
      const stale = isStale(sample);
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
  const check = () =>
    pte.peek() === 0 && spte.peek() !== 0 && inProgress.peek() === 0 ? "stale translation" : undefined;
  const faults = Array.from({ length: vcpus }, (_, i) => ({ name: `vcpu${i}`, calls: [fault] }));
  return search(store, [...faults, { name: "vmm", calls: [invalidate] }], { check });
}

const SEQ = "kvm->mmu_invalidate_seq";
const LOCK = "takes kvm->mmu_lock";
const steps: Record<Mistake, readonly string[]> = {
  "does not check the sequence": [
    `vcpu0: reads ${SEQ}`,
    "vcpu0: reads pte",
    `vmm: ${LOCK}`,
    "vmm: writes pte",
    `vmm: ${LOCK}`,
    `vmm: writes ${SEQ}`,
    `vcpu0: ${LOCK}`,
  ],
  "does not check in_progress": [
    `vcpu0: reads ${SEQ}`,
    "vcpu0: reads pte",
    `vmm: ${LOCK}`,
    `vcpu0: ${LOCK}`,
    "vmm: writes pte",
    `vmm: ${LOCK}`,
    `vmm: writes ${SEQ}`,
  ],
  // Not the shortest: the first round retries.
  "samples after the lookup": [
    `vcpu0: reads ${SEQ}`,
    "vcpu0: reads pte",
    `vcpu0: reads ${SEQ}`,
    `vmm: ${LOCK}`,
    `vcpu0: ${LOCK}`,
    `vcpu0: reads ${SEQ}`,
    "vcpu0: reads pte",
    "vmm: writes pte",
    `vmm: ${LOCK}`,
    `vmm: writes ${SEQ}`,
    `vcpu0: reads ${SEQ}`,
    `vcpu0: ${LOCK}`,
  ],
};

describe("a fault against an invalidation", () => {
  test("leaves no stale translation, whatever the interleaving", () => {
    expect(protocol(1)).toEqual({ states: 24, steps: 33, finals: 2, violations: [], exhaustive: true });
  });

  test("leaves none with two vCPUs either", () => {
    expect(protocol(2)).toEqual({ states: 118, steps: 228, finals: 4, violations: [], exhaustive: true });
  });

  test.each(Object.entries(steps))("leaves one when it %s", (mistake, expected) => {
    const { violations, exhaustive } = protocol(1, mistake as Mistake);
    expect(exhaustive).toBe(false);
    expect(violations).toMatchObject([{ kind: "check", message: "stale translation" }]);
    expect(violations[0]!.steps.map(({ thread, what }) => `${thread}: ${what}`)).toEqual(expected);
  });

  test.each(Object.keys(steps))("leaves one with two vCPUs when it %s", (mistake) => {
    expect(protocol(2, mistake as Mistake).violations).toMatchObject([
      { kind: "check", message: "stale translation" },
    ]);
  });
});
