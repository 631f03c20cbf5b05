// One test for each thing that one has to know of the paths of virt/kvm/guest_memfd.c, in the order of the file.
import {
  close,
  FallocFlag,
  fallocate,
  hostAccess,
  isRefusal,
  munmap,
  type OpenFile,
  PAGE_SIZE,
  PageFlag,
  type Pfn,
  type Result,
  truncateInodePagesRange,
} from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import {
  createGpc,
  GmemFile,
  type GmemInode,
  GUEST_MEMFD_FLAG_MMAP,
  gmemErrorFolio,
  gmemGetPfn,
  gmemInvalidateEnd,
  gmemInvalidateStart,
  gpcActivate,
  gpcCheckLocked,
  guestAccess,
  KVM_MEM_GUEST_MEMFD,
  kvm72,
  mmuInvalidateRetry,
} from "../index.js";
import { GFN, GPA, Machine, ok, RAM } from "../testing/machine.js";

const PUNCH = FallocFlag.keepSize | FallocFlag.punchHole;

/** A guest_memfd of 8 pages, mapped whole at RAM, of which slot 0 has pages 4 to 8. */
class Bound extends Machine {
  readonly fd: number;
  readonly file: OpenFile;
  readonly inode: GmemInode;

  constructor(flags?: bigint) {
    super(kvm72);
    this.fd = flags === undefined ? this.gmem(8) : this.gmem(8, flags);
    this.map(RAM, 8, this.fd);
    this.file = this.task.process.file(this.fd)!;
    this.inode = this.file.inode as GmemInode;
    ok(
      this.set({
        flags: KVM_MEM_GUEST_MEMFD,
        userspaceAddr: RAM + 4 * PAGE_SIZE,
        guestMemfd: this.fd,
        guestMemfdOffset: 4 * PAGE_SIZE,
      }),
    );
  }

  get slot() {
    return this.kvm.peekMemslots().peek()[0]!;
  }

  page(gfn = GFN): Result<Pfn> {
    const puts: OpenFile[] = [];
    const idx = this.kvm.srcu.readLock();
    const page = gmemGetPfn(this.kvm, this.task, this.slot, gfn, puts);
    this.kvm.srcu.readUnlock(idx);
    for (const file of puts) file.put();
    return page;
  }

  /** Page of the file, or 0. */
  at(index: number): Pfn {
    return this.inode.pages.at(index);
  }

  punch(first: number, end: number): Result<0> {
    return fallocate(this.task, this.fd, PUNCH, first * PAGE_SIZE, (end - first) * PAGE_SIZE);
  }

  get counters() {
    const { mmuInvalidateInProgress, mmuInvalidateSeq, mnActiveInvalidateCount } = this.kvm;
    return {
      inProgress: mmuInvalidateInProgress.peek(),
      seq: mmuInvalidateSeq.peek(),
      active: mnActiveInvalidateCount.peek(),
    };
  }
}

const errno = (result: Result<unknown>) => (isRefusal(result) ? result.errno : "fine");

describe("kvm_gmem_get_pfn()", () => {
  test("takes the page by the memslot's first gfn and its offset into the file", () => {
    const m = new Bound();
    guestAccess(m.vcpu, GPA + PAGE_SIZE, "write", 7);
    expect(hostAccess(m.task, RAM + 5 * PAGE_SIZE)).toMatchObject({ value: 7 });
    expect([m.at(4), m.at(5) > 0]).toEqual([0, true]);
  });

  test("is EFAULT once the file is closed, and where it is closed in between", () => {
    const m = new Bound();
    const { tryGet } = m.file;
    m.file.tryGet = () => {
      m.slot.gmemFile.set(null);
      return tryGet.call(m.file);
    };
    expect(errno(m.page())).toBe("EFAULT");
    expect(m.warnings).toEqual([]);
    const closed = new Bound();
    ok(munmap(closed.task, RAM, 8 * PAGE_SIZE));
    ok(close(closed.task, closed.fd));
    expect(errno(closed.page())).toBe("EFAULT");
  });

  test("warns where the memslot has got another file meanwhile", () => {
    const m = new Bound();
    const other = m.task.process.file(m.gmem(8))!;
    const { tryGet } = m.file;
    m.file.tryGet = () => {
      m.slot.gmemFile.set(other);
      return tryGet.call(m.file);
    };
    expect(errno(m.page())).toBe("EFAULT");
    expect(m.warnings).toEqual([expect.stringContaining("has got another guest_memfd")]);
  });

  test("is EIO for a page that is not bound, with a warning if another memslot has it", () => {
    const m = new Bound();
    expect([errno(m.page(GFN - 1)), m.warnings]).toEqual(["EIO", []]);
    const region = { flags: KVM_MEM_GUEST_MEMFD, guestPhysAddr: 0, memorySize: PAGE_SIZE, guestMemfd: m.fd };
    ok(m.set({ ...region, slot: 1, guestMemfdOffset: 3 * PAGE_SIZE }));
    // By gfn the other memslot comes first.
    const idx = m.kvm.srcu.readLock();
    const page = gmemGetPfn(m.kvm, m.task, m.kvm.peekMemslots().peek()[1]!, GFN - 1, []);
    m.kvm.srcu.readUnlock(idx);
    expect([errno(page), m.warnings]).toEqual(["EIO", [expect.stringContaining("is bound to slot 1")]]);
  });

  test("needs no invalidate lock: a page comes while somebody punches", () => {
    const m = new Bound();
    m.inode.invalidateLock.writeLock();
    expect(errno(m.page())).toBe("fine");
    m.inode.invalidateLock.writeUnlock();
  });

  test("gives a page with one reference, unlocked, and the same page again", () => {
    const m = new Bound();
    const pfn = ok(m.page());
    const held = m.host.frames.refcount.peek(pfn);
    expect(ok(m.page())).toBe(pfn);
    expect(m.host.frames.refcount.peek(pfn)).toBe(held + 1);
    expect(m.host.frames.test(pfn, PageFlag.locked)).toBe(false);
  });

  test("gives the reference to a poisoned page back: EHWPOISON", () => {
    const m = new Bound();
    const pfn = ok(m.page());
    m.host.frames.mark(pfn, PageFlag.hwpoison);
    const held = m.host.frames.refcount.peek(pfn);
    expect(errno(m.page())).toBe("EHWPOISON");
    expect(m.host.frames.refcount.peek(pfn)).toBe(held);
    expect(m.host.frames.test(pfn, PageFlag.locked)).toBe(false);
  });

  test("clears a new page, whatever was in it before", () => {
    const m = new Bound();
    guestAccess(m.vcpu, GPA, "write", 7);
    ok(m.punch(4, 5));
    expect(guestAccess(m.vcpu, GPA, "read")).toMatchObject({ value: 0 });
  });
});

describe("kvm_gmem_punch_hole()", () => {
  test("is an invalidation of its own, and the mapping's is nested in it", () => {
    const m = new Bound();
    hostAccess(m.task, RAM + 4 * PAGE_SIZE, 7);
    const seen: object[] = [];
    const none = () => {};
    m.kvm.observer = { unmapHvaRange: () => seen.push(m.counters), ageHva: none, testAgeHva: none };
    ok(m.punch(4, 5));
    expect(seen).toMatchObject([{ inProgress: 1, seq: 0 }]);
    expect(m.counters).toEqual({ inProgress: 0, active: 0, seq: 2 });
  });

  test("succeeds beyond the end of the file, and does nothing there", () => {
    const m = new Bound();
    expect(errno(m.punch(8, 16))).toBe("fine");
    expect(m.counters).toEqual({ inProgress: 0, active: 0, seq: 0 });
  });

  test("frees the page with the last reference, that of a fault in flight", () => {
    const m = new Bound();
    const pfn = ok(m.page());
    ok(m.punch(4, 5));
    expect([m.at(4), m.host.frames.refcount.peek(pfn) > 0]).toEqual([0, true]);
    m.host.lru.drain();
    m.host.frames.put(pfn);
    expect(m.host.frames.refcount.peek(pfn)).toBe(0);
  });

  test("does not keep a fault out: that makes a new page in the hole, which stays, and has to be looked up again", () => {
    const m = new Bound();
    m.inode.invalidateLock.writeLock();
    const seq = m.kvm.mmuInvalidateSeq.peek();
    gmemInvalidateStart(m.inode, 4, 5);
    truncateInodePagesRange(m.inode, 4, 5);
    const pfn = ok(m.page());
    m.kvm.mmuLock.readLock();
    expect(mmuInvalidateRetry(m.kvm, seq)).toBe(true);
    m.kvm.mmuLock.readUnlock();
    gmemInvalidateEnd(m.inode, 4, 5);
    m.inode.invalidateLock.writeUnlock();
    m.kvm.mmuLock.readLock();
    expect(mmuInvalidateRetry(m.kvm, seq)).toBe(true);
    m.kvm.mmuLock.readUnlock();
    expect(m.at(4)).toBe(pfn);
  });

  test("waits for an allocation, which takes the invalidate lock shared; a fault does not", () => {
    const m = new Bound();
    m.inode.invalidateLock.readLock();
    expect(errno(m.page())).toBe("fine");
    expect(() => m.punch(4, 5)).toThrow(/invalidate_lock/);
    m.inode.invalidateLock.readUnlock();
    m.inode.invalidateLock.writeLock();
    expect(() => fallocate(m.task, m.fd, FallocFlag.keepSize, 0, PAGE_SIZE)).toThrow(/invalidate_lock/);
  });
});

describe("kvm_gmem_invalidate_start() and _end()", () => {
  test("move no counter where nothing is bound", () => {
    const m = new Bound();
    ok(m.punch(0, 4));
    expect(m.counters.seq).toBe(0);
  });

  test("invalidate what the hole has of the memslot, and the sequence moves once", () => {
    const m = new Bound();
    m.inode.invalidateLock.writeLock();
    gmemInvalidateStart(m.inode, 0, 6);
    const { mmuInvalidateRangeStart, mmuInvalidateRangeEnd } = m.kvm;
    expect([mmuInvalidateRangeStart.peek(), mmuInvalidateRangeEnd.peek()]).toEqual([GFN, GFN + 2]);
    expect(m.counters).toEqual({ inProgress: 1, active: 0, seq: 0 });
    gmemInvalidateEnd(m.inode, 0, 6);
    m.inode.invalidateLock.writeUnlock();
    expect(m.counters).toEqual({ inProgress: 0, active: 0, seq: 1 });
  });

  test("reach every VM that has a view of the inode", () => {
    const m = new Bound();
    const other = ok(m.kvm.module.createVm(m.task));
    m.inode.invalidateLock.writeLock();
    const view = m.store.create(() => new GmemFile(other));
    view.bindings.set(0, 8, m.slot);
    m.inode.gmemFiles.update((all) => [...all, view]);
    m.inode.invalidateLock.writeUnlock();
    ok(m.punch(4, 5));
    expect([m.counters.seq, other.mmuInvalidateSeq.peek()]).toEqual([1, 1]);
  });

  test.each([
    [undefined, "shared"],
    [GUEST_MEMFD_FLAG_MMAP, "private"],
  ] as const)("with flags %s ask the architecture for mappings that are %s", (flags, expected) => {
    const m = new Bound(flags);
    const asked: unknown[] = [];
    m.mmu.unmapGfnRange = (range) => {
      asked.push([range.attrFilter, range.mayBlock]);
      return false;
    };
    ok(m.punch(4, 5));
    expect(asked).toEqual([[expected, true]]);
  });

  test("do not keep memslots from changing meanwhile, and tell no pfncache", () => {
    const m = new Bound();
    const gpc = createGpc(m.kvm);
    const idx = m.kvm.srcu.readLock();
    ok(gpcActivate(m.task, gpc, GPA, 8));
    m.inode.invalidateLock.writeLock();
    gmemInvalidateStart(m.inode, 4, 5);
    expect(gpcCheckLocked(gpc, 8)).toBe(true);
    m.kvm.srcu.readUnlock(idx);
    expect(errno(m.set({ slot: 1, guestPhysAddr: 0 }))).toBe("fine");
    gmemInvalidateEnd(m.inode, 4, 5);
    m.inode.invalidateLock.writeUnlock();
  });
});

describe("what else happens to a guest_memfd", () => {
  test("memory failure: the guest loses the page, the file keeps it", () => {
    const m = new Bound();
    guestAccess(m.vcpu, GPA, "write", 7);
    const pfn = m.at(4);
    expect(gmemErrorFolio(m.inode, 4)).toBe("MF_DELAYED");
    expect([m.at(4), m.mmu.peek(GFN), m.counters.seq]).toEqual([pfn, null, 1]);
  });

  test("release: no memslot has it any more, the guest loses all of it, and the VM its reference", () => {
    const m = new Bound();
    guestAccess(m.vcpu, GPA, "write", 7);
    ok(munmap(m.task, RAM, 8 * PAGE_SIZE));
    const { seq } = m.counters;
    const users = m.kvm.usersCount.peek();
    ok(close(m.task, m.fd));
    expect([m.slot.gmemFile.peek(), m.mmu.peek(GFN), m.inode.gmemFiles.peek()]).toEqual([null, null, []]);
    expect([m.counters.seq - seq, users - m.kvm.usersCount.peek()]).toEqual([1, 1]);
    // Unbinding has nothing to do then.
    expect(errno(m.set({ memorySize: 0 }))).toBe("fine");
  });

  test("a fault of the VMM: SIGBUS beyond the end, no invalidate lock, and the page stays unlocked after it", () => {
    const m = new Bound();
    m.map(RAM, 16, m.fd);
    m.inode.invalidateLock.writeLock();
    expect(hostAccess(m.task, RAM, 7)).toMatchObject({ value: 7 });
    expect(hostAccess(m.task, RAM + 8 * PAGE_SIZE, 7)).toMatchObject({ signal: "SIGBUS" });
    m.inode.invalidateLock.writeUnlock();
    expect(m.host.frames.test(m.at(0), PageFlag.locked)).toBe(false);
  });
});
