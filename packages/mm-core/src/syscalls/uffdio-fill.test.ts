import { describe, expect, test } from "vitest";
import { type Hva, PAGE_SIZE, PMD_SIZE } from "../addresses.js";
import { isRefusal, type Result } from "../errno.js";
import { getUserPage } from "../gup.js";
import { hostAccess } from "../host-access.js";
import { FallocFlag } from "../shmem.js";
import { Machine, ok } from "../testing/machine.js";
import { watch } from "../testing/watch.js";
import { UffdFeature } from "../userfaultfd/context.js";
import { fallocate, ftruncate, MemfdFlag, memfdCreate } from "./files.js";
import { Madv, madvise } from "./madvise.js";
import { MapFlag, mmap, Prot } from "./mmap.js";
import { UffdFill, uffdioContinue, uffdioCopy, uffdioPoison, uffdioZeropage } from "./uffdio-fill.js";
import { UffdFlag, UffdRegister, uffdioApi, uffdioRegister, userfaultfd } from "./userfaultfd.js";

const RAM = 0x2000_0000_0000;
const SOURCE = 0x2100_0000_0000;
const ALIAS = 0x2200_0000_0000;
const LENGTH = 4 * PAGE_SIZE;
const RW = Prot.read | Prot.write;
const page = (index: number): Hva => RAM + index * PAGE_SIZE;
const errno = (result: Result<unknown>) => (isRefusal(result) ? result.errno : result);
const WAITS = { waits: "userfaultfd" };

/** Memory at {@link RAM} that a userfaultfd is asked for, and a source page by page 11, 12, 13, 14. */
function machine(mode: number, { features = 0, flags = 0 } = {}): { m: Machine; fd: number } {
  const m = new Machine();
  m.mapAnon(RAM, LENGTH);
  m.mapAnon(SOURCE, LENGTH);
  for (let at = 0; at < 4; at++) hostAccess(m.task, SOURCE + at * PAGE_SIZE, 11 + at);
  const fd = ok(userfaultfd(m.task, flags));
  ok(uffdioApi(m.task, fd, features));
  ok(uffdioRegister(m.task, fd, RAM, LENGTH, mode));
  return { m, fd };
}

/** The same of a memfd, also mapped at {@link ALIAS}, which nobody watches. */
function memfdMachine(
  mode: number,
  kind: number = MapFlag.shared,
): { m: Machine; fd: number; memfd: number } {
  const { m, fd } = machine(UffdRegister.missing);
  const memfd = ok(memfdCreate(m.task, 0));
  ok(ftruncate(m.task, memfd, LENGTH));
  const map = (addr: Hva, how: number) =>
    ok(mmap(m.task, { addr, length: LENGTH, prot: RW, flags: how | MapFlag.fixed, fd: memfd, offset: 0 }));
  map(RAM, kind);
  map(ALIAS, MapFlag.shared);
  ok(uffdioRegister(m.task, fd, RAM, LENGTH, mode));
  return { m, fd, memfd };
}

describe("a missing page that a userfaultfd is asked for", () => {
  test("makes an access wait, which alone would be for ever, until UFFDIO_COPY brings it", () => {
    const { m, fd } = machine(UffdRegister.missing);
    const used = m.used;
    expect(hostAccess(m.task, page(0))).toEqual(WAITS);
    expect(hostAccess(m.task, page(0), 5)).toEqual(WAITS);
    expect(m.used).toBe(used);
    expect(uffdioCopy(m.task, fd, page(0), SOURCE, 2 * PAGE_SIZE, 0)).toBe(0);
    expect(hostAccess(m.task, page(0))).toEqual({ value: 11 });
    expect(hostAccess(m.task, page(1), 5)).toEqual({ value: 5 });
    expect(hostAccess(m.task, page(2))).toEqual(WAITS);
  });

  test("is told to nobody by a notifier when it comes: there was nothing to be forgotten", () => {
    const { m, fd } = machine(UffdRegister.missing);
    m.notifier.take();
    ok(uffdioCopy(m.task, fd, page(0), SOURCE, PAGE_SIZE, 0));
    ok(uffdioZeropage(m.task, fd, page(1), PAGE_SIZE, 0));
    expect(m.notifier.take()).toEqual([]);
  });

  test("fails a get_user_pages() that may not wait, and interrupts one that may", () => {
    const { m } = machine(UffdRegister.missing);
    expect(getUserPage(m.task, page(0), { write: true, nowait: true })).toBe("EBUSY");
    expect(getUserPage(m.task, page(0), { write: true, unlockable: false })).toBe("EFAULT");
    expect(getUserPage(m.task, page(0), { write: true })).toBe("EINTR");
  });

  test("is a signal with UFFD_FEATURE_SIGBUS, and where the kernel asks of UFFD_USER_MODE_ONLY", () => {
    const sigbus = machine(UffdRegister.missing, { features: UffdFeature.sigbus });
    expect(hostAccess(sigbus.m.task, page(0))).toEqual({ signal: "SIGBUS", code: "BUS_ADRERR" });
    const user = machine(UffdRegister.missing, { flags: UffdFlag.userModeOnly });
    expect(hostAccess(user.m.task, page(0))).toEqual(WAITS);
    expect(getUserPage(user.m.task, page(0), { write: true })).toBe("EFAULT");
  });

  test("is asked for also where a huge page could be mapped, and again after MADV_DONTNEED", () => {
    const m = new Machine();
    m.mapAnon(RAM, 2 * PMD_SIZE);
    ok(madvise(m.task, RAM, 2 * PMD_SIZE, Madv.hugepage));
    const fd = watch(m, RAM, 2 * PMD_SIZE, UffdRegister.missing);
    const used = m.used;
    expect([hostAccess(m.task, RAM), hostAccess(m.task, RAM, 1)]).toEqual([WAITS, WAITS]);
    // Only the huge zero page, which stays for whoever wants it next.
    expect(m.used).toBe(used + 512);
    ok(uffdioZeropage(m.task, fd, RAM, PAGE_SIZE, 0));
    expect(hostAccess(m.task, RAM)).toEqual({ value: 0 });
    ok(madvise(m.task, RAM, PAGE_SIZE, Madv.dontneed));
    expect(hostAccess(m.task, RAM)).toEqual(WAITS);
  });
});

describe("filling", () => {
  test("does what it can, and says how far it came", () => {
    const { m, fd } = machine(UffdRegister.missing);
    ok(uffdioZeropage(m.task, fd, page(2), PAGE_SIZE, 0));
    const partly = uffdioCopy(m.task, fd, page(0), SOURCE, LENGTH, 0);
    expect(partly).toMatchObject({
      errno: "EAGAIN",
      reason: expect.stringContaining("0x2000 of 0x4000 bytes"),
    });
    expect(hostAccess(m.task, page(1))).toEqual({ value: 12 });
    expect(errno(uffdioCopy(m.task, fd, page(0), SOURCE, PAGE_SIZE, 0))).toBe("EEXIST");
    expect(errno(uffdioZeropage(m.task, fd, page(0), PAGE_SIZE, 0))).toBe("EEXIST");
    expect(errno(uffdioPoison(m.task, fd, page(0), PAGE_SIZE, 0))).toBe("EEXIST");
  });

  test("is refused out of a mapping, beyond one, where no userfaultfd is, and with modes that are not registered", () => {
    const { m, fd } = machine(UffdRegister.missing);
    m.mapAnon(ALIAS, LENGTH);
    expect(errno(uffdioZeropage(m.task, fd, RAM - PAGE_SIZE, PAGE_SIZE, 0))).toBe("ENOENT");
    expect(errno(uffdioZeropage(m.task, fd, RAM, LENGTH + PAGE_SIZE, 0))).toBe("ENOENT");
    expect(errno(uffdioZeropage(m.task, fd, ALIAS, PAGE_SIZE, 0))).toBe("ENOENT");
    expect(errno(uffdioCopy(m.task, fd, RAM, SOURCE, PAGE_SIZE, UffdFill.wp))).toBe("EINVAL");
    expect(errno(uffdioContinue(m.task, fd, RAM, PAGE_SIZE, 0))).toBe("EINVAL");
    expect(errno(uffdioCopy(m.task, fd, RAM, 0x1000, PAGE_SIZE, 0))).toBe("EFAULT");
    expect(errno(uffdioCopy(m.task, fd, RAM + 1, SOURCE, PAGE_SIZE, 0))).toBe("EINVAL");
    expect(errno(uffdioZeropage(m.task, fd, RAM, PAGE_SIZE, UffdFill.wp))).toBe("EINVAL");
  });

  test("takes a source that is not in memory, or not aligned", () => {
    const { m, fd } = machine(UffdRegister.missing);
    m.mapAnon(ALIAS, LENGTH);
    ok(uffdioCopy(m.task, fd, page(0), ALIAS, PAGE_SIZE, 0));
    ok(uffdioCopy(m.task, fd, page(1), SOURCE + 8, PAGE_SIZE, 0));
    expect([hostAccess(m.task, page(0)), hostAccess(m.task, page(1))]).toEqual([{ value: 0 }, { value: 0 }]);
  });

  test("can leave the page write-protected: the next write asks again", () => {
    const { m, fd } = machine(UffdRegister.missing | UffdRegister.wp);
    ok(uffdioCopy(m.task, fd, page(0), SOURCE, PAGE_SIZE, UffdFill.wp));
    expect(hostAccess(m.task, page(0))).toEqual({ value: 11 });
    expect(hostAccess(m.task, page(0), 3)).toEqual(WAITS);
    expect(getUserPage(m.task, page(0), { write: true })).toBe("EINTR");
  });

  test("with UFFDIO_POISON makes an address a memory error", () => {
    const { m, fd } = machine(UffdRegister.missing, { features: UffdFeature.poison });
    ok(uffdioPoison(m.task, fd, page(0), PAGE_SIZE, 0));
    expect(hostAccess(m.task, page(0))).toEqual({ signal: "SIGBUS", code: "BUS_MCEERR_AR" });
    expect(getUserPage(m.task, page(0), { write: false })).toBe("EHWPOISON");
    // What was poisoned just so may be filled again.
    ok(uffdioCopy(m.task, fd, page(0), SOURCE, PAGE_SIZE, 0));
    expect(hostAccess(m.task, page(0))).toEqual({ value: 11 });
  });
});

describe("shared memory", () => {
  test("is filled for whoever maps the file, and only its holes ask for pages", () => {
    const { m, fd } = memfdMachine(UffdRegister.missing);
    hostAccess(m.task, ALIAS, 7);
    expect(hostAccess(m.task, page(0))).toEqual({ value: 7 });
    expect(hostAccess(m.task, page(1), 1)).toEqual(WAITS);
    ok(uffdioCopy(m.task, fd, page(1), SOURCE, PAGE_SIZE, 0));
    ok(uffdioZeropage(m.task, fd, page(2), PAGE_SIZE, 0));
    expect(hostAccess(m.task, ALIAS + PAGE_SIZE)).toEqual({ value: 11 });
    hostAccess(m.task, page(2), 9);
    expect(hostAccess(m.task, ALIAS + 2 * PAGE_SIZE)).toEqual({ value: 9 });
    expect(errno(uffdioCopy(m.task, fd, page(0), SOURCE, PAGE_SIZE, 0))).toBe("EEXIST");
    hostAccess(m.task, ALIAS + 3 * PAGE_SIZE, 1);
    expect(errno(uffdioCopy(m.task, fd, page(3), SOURCE, PAGE_SIZE, 0))).toBe("EEXIST");
  });

  test("is asked for page by page in minor mode, and mapped by UFFDIO_CONTINUE", () => {
    const { m, fd } = memfdMachine(UffdRegister.minor);
    hostAccess(m.task, ALIAS, 7);
    hostAccess(m.task, ALIAS + PAGE_SIZE, 8);
    expect(hostAccess(m.task, page(0))).toEqual(WAITS);
    expect(errno(uffdioContinue(m.task, fd, page(2), PAGE_SIZE, 0))).toBe("EFAULT");
    ok(uffdioContinue(m.task, fd, page(0), PAGE_SIZE, 0));
    expect(hostAccess(m.task, page(0), 6)).toEqual({ value: 6 });
    expect(hostAccess(m.task, ALIAS)).toEqual({ value: 6 });
    expect(hostAccess(m.task, page(1))).toEqual(WAITS);
    // A hole is no minor fault.
    expect(hostAccess(m.task, page(2))).toEqual({ value: 0 });
  });

  test("has no pages beyond its end, and what a hole punch takes is missing again", () => {
    const { m, fd, memfd } = memfdMachine(UffdRegister.missing);
    ok(uffdioCopy(m.task, fd, page(0), SOURCE, PAGE_SIZE, 0));
    ok(fallocate(m.task, memfd, FallocFlag.punchHole | FallocFlag.keepSize, 0, PAGE_SIZE));
    expect(hostAccess(m.task, page(0))).toEqual(WAITS);
    ok(ftruncate(m.task, memfd, PAGE_SIZE));
    expect(errno(uffdioCopy(m.task, fd, page(1), SOURCE, PAGE_SIZE, 0))).toBe("ENOMEM");
    expect(errno(uffdioPoison(m.task, fd, page(1), PAGE_SIZE, 0))).toBe("EFAULT");
    expect(hostAccess(m.task, page(1))).toEqual({ signal: "SIGBUS", code: "BUS_ADRERR" });
  });

  test("mapped privately is filled with pages of one's own", () => {
    const { m, fd } = memfdMachine(UffdRegister.missing, MapFlag.private);
    ok(uffdioCopy(m.task, fd, page(0), SOURCE, PAGE_SIZE, 0));
    expect(hostAccess(m.task, page(0), 5)).toEqual({ value: 5 });
    expect(hostAccess(m.task, ALIAS)).toEqual({ value: 0 });
  });
});

describe("huge pages of hugetlb", () => {
  const FLAGS = MemfdFlag.hugetlb | (21 * 2 ** 26);

  function hugeMachine(mode: number, kind: number): { m: Machine; fd: number } {
    const m = new Machine();
    const memfd = ok(memfdCreate(m.task, FLAGS));
    ok(ftruncate(m.task, memfd, 2 * PMD_SIZE));
    for (const [addr, how] of [
      [RAM, kind],
      [ALIAS, MapFlag.shared],
    ] as const) {
      const flags = how | MapFlag.fixed;
      ok(mmap(m.task, { addr, length: 2 * PMD_SIZE, prot: RW, flags, fd: memfd, offset: 0 }));
    }
    m.mapAnon(SOURCE, PMD_SIZE);
    hostAccess(m.task, SOURCE + 3 * PAGE_SIZE, 13);
    const fd = watch(m, RAM, 2 * PMD_SIZE, mode);
    return { m, fd };
  }

  test.each([
    ["shared", MapFlag.shared],
    ["private", MapFlag.private],
  ])("%s: are asked for and copied whole", (_, kind) => {
    const { m, fd } = hugeMachine(UffdRegister.missing, kind);
    expect(hostAccess(m.task, page(3), 1)).toEqual(WAITS);
    expect(errno(uffdioCopy(m.task, fd, page(3), SOURCE, PAGE_SIZE, 0))).toBe("EINVAL");
    expect(errno(uffdioZeropage(m.task, fd, RAM, PMD_SIZE, 0))).toBe("EINVAL");
    ok(uffdioCopy(m.task, fd, RAM, SOURCE, PMD_SIZE, 0));
    expect(hostAccess(m.task, page(3))).toEqual({ value: 13 });
    expect(hostAccess(m.task, page(3), 5)).toEqual({ value: 5 });
    expect(hostAccess(m.task, ALIAS + 3 * PAGE_SIZE)).toEqual({ value: kind === MapFlag.shared ? 5 : 0 });
    expect(errno(uffdioCopy(m.task, fd, RAM, SOURCE, PMD_SIZE, 0))).toBe("EEXIST");
  });

  test("in minor mode are mapped by UFFDIO_CONTINUE, and poisoned by UFFDIO_POISON", () => {
    const { m, fd } = hugeMachine(UffdRegister.minor, MapFlag.shared);
    expect(errno(uffdioContinue(m.task, fd, RAM, PMD_SIZE, 0))).toBe("EFAULT");
    hostAccess(m.task, ALIAS, 7);
    expect(hostAccess(m.task, RAM)).toEqual(WAITS);
    ok(uffdioContinue(m.task, fd, RAM, PMD_SIZE, 0));
    expect(hostAccess(m.task, RAM)).toEqual({ value: 7 });
    ok(uffdioPoison(m.task, fd, RAM + PMD_SIZE, PMD_SIZE, 0));
    expect(hostAccess(m.task, RAM + PMD_SIZE)).toEqual({ signal: "SIGBUS", code: "BUS_MCEERR_AR" });
  });
});
