// What tools/testing/selftests/kvm/dirty_log_test.c asserts, in our words. Its third mode, the dirty ring, is not modelled.
import { hostAccess, PAGE_SIZE } from "@kvmm/mm-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkExtension,
  clearDirtyLog,
  enableCap,
  getDirtyLog,
  guestAccess,
  KVM_MEM_LOG_DIRTY_PAGES,
  type PageRuns,
} from "../index.js";
import { GPA, Machine, ok, RAM } from "../testing/machine.js";

const NPAGES = 200;

/** How the log is read: each reading clears it, or KVM_CLEAR_DIRTY_LOG does. */
interface Mode {
  readonly name: string;
  readonly options: bigint;
  readonly collect: (m: Machine) => PageRuns;
}

function getAndClear(m: Machine): PageRuns {
  const dirty = ok(getDirtyLog(m.kvm, { slot: 0 }));
  ok(clearDirtyLog(m.kvm, { slot: 0, firstPage: 0, numPages: NPAGES, dirtyBitmap: dirty }));
  return dirty;
}

const MODES: readonly Mode[] = [
  { name: "dirty-log", options: 0n, collect: (m) => ok(getDirtyLog(m.kvm, { slot: 0 })) },
  { name: "clear-log", options: 1n, collect: getAndClear },
  { name: "clear-log, initially set", options: 3n, collect: getAndClear },
];

describe.each(["arm64", "x86"] as const)("dirty_log_test, %s", (arch) => {
  test("manual protection is there, with and without all bits set at first", () => {
    const m = new Machine(undefined, arch);
    expect(checkExtension(m.kvm.module, m.kvm, "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2")).toBe(3);
  });

  test.each(MODES)(
    "$name: a dirty page holds this round's value, a clean one an earlier round's",
    ({ options, collect }) => {
      const round = fc.array(fc.integer({ min: 0, max: NPAGES - 1 }), { maxLength: 40 });
      fc.assert(
        fc.property(fc.array(round, { minLength: 1, maxLength: 6 }), (rounds) => {
          const m = new Machine(undefined, arch);
          m.store.onTrace = null;
          ok(enableCap(m.kvm, "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2", 0, [options]));
          m.anon(RAM, NPAGES);
          ok(m.set({ memorySize: NPAGES * PAGE_SIZE, flags: KVM_MEM_LOG_DIRTY_PAGES }));
          for (const [index, pages] of rounds.entries()) {
            const iteration = index + 1;
            for (const page of pages) guestAccess(m.vcpu, GPA + page * PAGE_SIZE, "write", iteration);
            const log = collect(m);
            const isDirty = (page: number) => log.some(([first, end]) => page >= first && page < end);
            for (let page = 0; page < NPAGES; page++) {
              const seen = hostAccess(m.task, RAM + page * PAGE_SIZE);
              const value = "value" in seen ? seen.value : -1;
              const initial = options === 3n && iteration === 1 && value === 0;
              if (isDirty(page)) expect(value === iteration || initial).toBe(true);
              else expect(value).toBeLessThan(iteration);
            }
          }
        }),
        { numRuns: 25 },
      );
    },
  );
});
