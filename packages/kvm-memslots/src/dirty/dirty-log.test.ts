import { hostAccess, isRefusal, PAGE_SIZE } from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import { clearDirtyLog, enableCap, getDirtyLog, guestAccess, KVM_MEM_LOG_DIRTY_PAGES } from "../index.js";
import { GPA, Machine, ok, RAM } from "../testing/machine.js";

const LOGGED = { flags: KVM_MEM_LOG_DIRTY_PAGES, memorySize: 100 * PAGE_SIZE };
const CAP = "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2";

function logged(options = 0n): Machine {
  const m = new Machine();
  ok(enableCap(m.kvm, CAP, 0, [options]));
  m.anon(RAM, 100);
  ok(m.set(LOGGED));
  return m;
}

const write = (m: Machine, page: number) => guestAccess(m.vcpu, GPA + page * PAGE_SIZE, "write", 1).faults;
const log = (m: Machine) => ok(getDirtyLog(m.kvm, { slot: 0 }));

describe("the dirty log", () => {
  test("tells of each page that was written since it was read last", () => {
    const m = logged();
    write(m, 3);
    write(m, 4);
    write(m, 70);
    expect(log(m)).toEqual([
      [3, 5],
      [70, 71],
    ]);
    expect(log(m)).toEqual([]);
    expect(write(m, 3)).toEqual([{ access: "write", kind: "permission" }]);
    expect(log(m)).toEqual([[3, 4]]);
  });

  test("does not tell of pages that were only read", () => {
    const m = logged();
    // A page of its own: the zero page would be replaced by the write, and unmapped before.
    hostAccess(m.task, RAM, 5);
    guestAccess(m.vcpu, GPA, "read");
    expect(log(m)).toEqual([]);
    expect(write(m, 0)).toEqual([{ access: "write", kind: "permission" }]);
    expect(log(m)).toEqual([[0, 1]]);
  });

  test("with manual protection stays as it is until it is cleared", () => {
    const m = logged(1n);
    write(m, 3);
    expect(log(m)).toEqual([[3, 4]]);
    expect(log(m)).toEqual([[3, 4]]);
    ok(clearDirtyLog(m.kvm, { slot: 0, firstPage: 0, numPages: 64, dirtyBitmap: [[0, 64]] }));
    expect(log(m)).toEqual([]);
    expect(write(m, 3)).toEqual([{ access: "write", kind: "permission" }]);
  });

  test("can begin with every page dirty, whatever the size of the memslot", () => {
    const m = logged(3n);
    expect(log(m)).toEqual([[0, 100]]);
    ok(clearDirtyLog(m.kvm, { slot: 0, firstPage: 64, numPages: 36, dirtyBitmap: [[70, 80]] }));
    expect(log(m)).toEqual([
      [0, 70],
      [80, 100],
    ]);
    const region = { slot: 1, guestPhysAddr: 2 ** 39, memorySize: 2 ** 38, userspaceAddr: 2 ** 44 };
    ok(m.set({ ...region, flags: KVM_MEM_LOG_DIRTY_PAGES }));
    expect(ok(getDirtyLog(m.kvm, { slot: 1 }))).toEqual([[0, 2 ** 26]]);
  });

  test("refuses parts of words, and what is beyond the memslot", () => {
    const m = logged(1n);
    const clear = (firstPage: number, numPages: number) => {
      const result = clearDirtyLog(m.kvm, { slot: 0, firstPage, numPages, dirtyBitmap: [] });
      return isRefusal(result) ? `${result.errno} ${result.reason}` : "fine";
    };
    expect(clear(0, 64)).toBe("fine");
    expect(clear(64, 36)).toBe("fine");
    expect(clear(1, 64)).toBe("EINVAL first_page 1");
    expect(clear(0, 65)).toBe("EINVAL num_pages 65 from page 0 on, which is not up to the memslot's end");
    expect(clear(64, 37)).toBe("EINVAL first_page 64 + num_pages 37 in a memslot of 100 pages");
    expect(clear(128, 0)).toContain("EINVAL first_page 128");
  });
});
