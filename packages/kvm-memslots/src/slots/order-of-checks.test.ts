// In which order the kernel checks, told once more as a list of conditions, and held against calls with any number of
// mistakes: a call fails as the first condition says that holds. Read in virt/kvm/kvm_main.c, guest_memfd.c and
// kvm_arch_prepare_memory_region() of 7.2 and 7.3.
import { isRefusal, memfdCreate, openConsole, type Result } from "@kvmm/mm-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  clearDirtyLog,
  GUEST_MEMFD_FLAG_INIT_SHARED,
  gmemCreate,
  KVM_MEM_GUEST_MEMFD,
  KVM_MEM_LOG_DIRTY_PAGES,
  type KvmBehaviour,
  kvm72,
  kvm73,
  preFaultMemory,
  setMemoryAttributes,
  setMemoryRegion,
  setMemoryRegion2,
} from "../index.js";
import { GPA, Machine, ok, RAM } from "../testing/machine.js";

const PAGE = 4096n;
const WRAP = 1n << 64n;
const u64 = (value: bigint) => BigInt.asUintN(64, value);
const aligned = (value: bigint) => value % PAGE === 0n;

/** What a row says of a call: it is refused so where the condition holds, and no row before it did. */
type Row<Call> = readonly [errno: string, fn: string, condition: (call: Call) => boolean];

function firstThatHolds<Call>(rows: readonly Row<Call>[], call: Call): string {
  const found = rows.find(([, , condition]) => condition(call));
  return found === undefined ? "fine" : `${found[0]} ${found[1]}`;
}

const said = (result: Result<unknown>) => (isRefusal(result) ? `${result.errno} ${result.fn}` : "fine");

interface Region {
  readonly slot: bigint;
  readonly flags: bigint;
  readonly guestPhysAddr: bigint;
  readonly memorySize: bigint;
  readonly userspaceAddr: bigint;
  readonly guestMemfd: bigint;
  readonly guestMemfdOffset: bigint;
}

/**
 * A machine with slot 0 (4 pages), slot 1 (4 pages of a guest_memfd, the second half of its 8), and descriptors of every
 * kind that a region may name.
 */
function machine(behaviour: KvmBehaviour, arch: "arm64" | "x86") {
  const m = new Machine(behaviour, arch);
  openConsole(m.task);
  m.anon(RAM, 4);
  ok(m.set());
  const half = m.gmem(8);
  ok(
    m.set({
      slot: 1,
      flags: KVM_MEM_GUEST_MEMFD,
      guestPhysAddr: GPA + 0x10_0000,
      guestMemfd: half,
      guestMemfdOffset: 4n * PAGE,
    }),
  );
  const other = ok(m.kvm.module.createVm(m.task));
  const foreign = ok(gmemCreate(other, m.task, { size: 0x8000, flags: 1n }));
  const unmappable = m.gmem(8, arch === "arm64" ? GUEST_MEMFD_FLAG_INIT_SHARED : 0n);
  return {
    m,
    half,
    foreign,
    unmappable,
    memfd: ok(memfdCreate(m.task, 0)),
    sizes: new Map([
      [half, 8n],
      [unmappable, 8n],
    ]),
  };
}

type Setting = ReturnType<typeof machine>;

const EXISTING = [
  { id: 0n, gpa: BigInt(GPA), pages: 4n, hva: BigInt(RAM), flags: 0n },
  { id: 1n, gpa: BigInt(GPA) + 0x10_0000n, pages: 4n, hva: BigInt(RAM), flags: 4n },
];

/** The conditions, in the kernel's order. */
function rowsOf(
  setting: Setting,
  arch: "arm64" | "x86",
  kernel: "7.2" | "7.3",
  v1: boolean,
): readonly Row<Region>[] {
  const isArm64 = arch === "arm64";
  const id = (r: Region) => r.slot & 0xffffn;
  const as = (r: Region) => (r.slot & 0xffff_ffffn) >> 16n;
  const flags = (r: Region) => r.flags & 0xffff_ffffn;
  const hasGmem = (r: Region) => (flags(r) & 4n) !== 0n;
  const old = (r: Region) => (as(r) === 0n ? EXISTING.find((slot) => slot.id === id(r)) : undefined);
  const limit = isArm64 ? 1n << 52n : (1n << 47n) - PAGE;
  const set = "kvm_set_memory_region";
  const fd = (r: Region) => Number(BigInt.asIntN(32, r.guestMemfd));
  const creates = (r: Region) => r.memorySize !== 0n && old(r) === undefined;
  const size = (r: Region) => setting.sizes.get(fd(r));
  const inUse = (r: Region) =>
    fd(r) === setting.half && r.guestMemfdOffset < 8n * PAGE && r.guestMemfdOffset + r.memorySize > 4n * PAGE;
  const exists: Row<Region> = ["EEXIST", "kvm_gmem_bind", (r) => hasGmem(r) && inUse(r)];
  const gpaEnd = (r: Region) => r.guestPhysAddr + r.memorySize;
  const arch_: readonly Row<Region>[] = isArm64
    ? [
        ["EFAULT", "kvm_arch_prepare_memory_region", (r) => gpaEnd(r) > 1n << 40n],
        ["EINVAL", "kvm_arch_prepare_memory_region", (r) => hasGmem(r) && fd(r) === setting.unmappable],
      ]
    : [["EINVAL", "kvm_arch_prepare_memory_region", (r) => gpaEnd(r) > 1n << 52n]];
  const whenCreating = (rows: readonly Row<Region>[]) =>
    rows.map(([errno, fn, holds]): Row<Region> => [errno, fn, (r) => creates(r) && holds(r)]);
  const whenChanging = (rows: readonly Row<Region>[]) =>
    rows.map(
      ([errno, fn, holds]): Row<Region> => [
        errno,
        fn,
        (r) => r.memorySize !== 0n && old(r) !== undefined && holds(r),
      ],
    );
  const overlaps = (r: Region) =>
    EXISTING.some(
      (slot) =>
        as(r) === 0n &&
        slot.id !== id(r) &&
        slot.gpa < gpaEnd(r) &&
        r.guestPhysAddr < slot.gpa + slot.pages * PAGE,
    );
  const moves = (r: Region) => r.guestPhysAddr !== old(r)!.gpa;
  return [
    ["EINVAL", "kvm_vm_ioctl", (r) => v1 && (flags(r) & ~3n) !== 0n],
    ["EINVAL", "kvm_vm_ioctl_set_memory_region", (r) => id(r) >= (isArm64 ? 32767n : 32764n)],
    ["EINVAL", "check_memory_region_flags", (r) => (flags(r) & ~(hasGmem(r) ? 4n : 3n)) !== 0n],
    ["EINVAL", set, (r) => !aligned(r.memorySize)],
    ["EINVAL", set, (r) => !aligned(r.guestPhysAddr)],
    ["EINVAL", set, (r) => !aligned(r.userspaceAddr)],
    ["EINVAL", set, (r) => isArm64 && r.userspaceAddr >> 56n !== 0n && (r.userspaceAddr >> 55n) % 2n === 0n],
    ["EINVAL", set, (r) => r.userspaceAddr + r.memorySize > limit],
    [
      "EINVAL",
      set,
      (r) => hasGmem(r) && (!aligned(r.guestMemfdOffset) || r.guestMemfdOffset + r.memorySize >= WRAP),
    ],
    ["EINVAL", set, (r) => as(r) >= (isArm64 ? 1n : 2n)],
    ["EINVAL", set, (r) => r.guestPhysAddr + r.memorySize >= WRAP],
    ["EINVAL", set, (r) => r.memorySize / PAGE > 2n ** 31n - 1n],
    ["EINVAL", set, (r) => r.memorySize === 0n && old(r) === undefined],
    ...whenChanging([
      ["EINVAL", set, hasGmem],
      ["EINVAL", set, (r) => r.userspaceAddr !== old(r)!.hva],
      ["EINVAL", set, (r) => r.memorySize / PAGE !== old(r)!.pages],
      ["EINVAL", set, (r) => ((flags(r) ^ old(r)!.flags) & 6n) !== 0n],
      ["EEXIST", "kvm_check_memslot_overlap", (r) => moves(r) && overlaps(r)],
      ...arch_.map(([errno, fn, holds]): Row<Region> => [errno, fn, (r) => moves(r) && holds(r)]),
    ]),
    ...whenCreating([
      ["EEXIST", "kvm_check_memslot_overlap", overlaps],
      ["EBADF", "kvm_gmem_bind", (r) => hasGmem(r) && (fd(r) < 0 || fd(r) === 9999)],
      ["EINVAL", "kvm_gmem_bind", (r) => hasGmem(r) && size(r) === undefined],
      ["EINVAL", "kvm_gmem_bind", (r) => hasGmem(r) && r.guestMemfdOffset + r.memorySize > size(r)! * PAGE],
      ...(kernel === "7.2" ? [exists, ...arch_] : [...arch_, exists]),
    ]),
  ];
}

const from = (...values: readonly (bigint | number)[]) =>
  fc.constantFrom(...values.map((value) => u64(BigInt(value))));

const region = (setting: Setting) =>
  fc.record({
    slot: fc.oneof(
      { weight: 3, arbitrary: from(0, 1, 2) },
      from(32763, 32764, 32766, 32767, 0xffff, 0x1_0000, 0x1_0002, 0x2_0000, 0x7fff_0002, 1n << 32n, -1),
    ),
    flags: fc.oneof(
      { weight: 3, arbitrary: from(0, 4, 1, 2) },
      from(3, 5, 6, 7, 8, 12, 1 << 16, 1n << 32n, -1),
    ),
    guestPhysAddr: fc.oneof(
      { weight: 3, arbitrary: from(0, GPA, GPA + 0x1000, GPA + 0x10_0000, GPA + 0x20_0000) },
      from(1, 2 ** 40 - 0x4000, 2 ** 40, 2n ** 52n - 0x4000n, 2n ** 52n, -0x1000, -0x4000, -1),
    ),
    memorySize: fc.oneof(
      { weight: 3, arbitrary: from(0, 0x1000, 0x4000) },
      from(1, 0x8000, 0x9000, (2n ** 31n - 1n) * PAGE, 2n ** 31n * PAGE, -0x1000, -1, 2n ** 52n),
    ),
    userspaceAddr: fc.oneof(
      { weight: 3, arbitrary: from(RAM) },
      from(
        0,
        1,
        RAM + 0x1000,
        2n ** 47n - 0x5000n,
        2n ** 47n - 0x1000n,
        2n ** 52n - 0x4000n,
        2n ** 52n,
        2n ** 55n,
      ),
      from(0x0100_2000_0000_0000n, 0xff80_0000_0000_0000n, 0xffff_8000_0000_0000n, -0x1000, -1),
    ),
    guestMemfd: fc.oneof(
      { weight: 3, arbitrary: from(setting.half, setting.unmappable) },
      from(setting.foreign, setting.memfd, 0, 9999, -1, BigInt(setting.half) + (1n << 32n)),
    ),
    guestMemfdOffset: fc.oneof(
      { weight: 3, arbitrary: from(0, 0x4000) },
      from(1, 0x1000, 0x8000, -0x4000, -0x1000, -1, 2n ** 63n),
    ),
  });

describe.each([
  ["7.2", kvm72, "arm64"],
  ["7.3", kvm73, "arm64"],
  ["7.2", kvm72, "x86"],
  ["7.3", kvm73, "x86"],
] as const)("on %s", (kernel, behaviour, arch) => {
  test.each([
    ["KVM_SET_USER_MEMORY_REGION2", setMemoryRegion2, false],
    ["KVM_SET_USER_MEMORY_REGION", setMemoryRegion, true],
  ] as const)(`${arch}, %s fails as the first condition says that holds`, (_, call, v1) => {
    const setting = machine(behaviour, arch);
    const { m } = setting;
    const rows = rowsOf(setting, arch, kernel, v1);
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(region(setting), (r) => {
        const mark = m.store.mark();
        const result = said(call(m.kvm, m.task, r));
        m.store.rollback(mark);
        outcomes.add(result);
        expect(result).toBe(firstThatHolds(rows, r));
      }),
      { numRuns: 3000, seed: 5 },
    );
    // Each kind of outcome was met, so that the order was tried.
    const kinds = new Set([...rows.map(([errno, fn]) => `${errno} ${fn}`), "fine"]);
    // Only a guest_memfd makes these, or an ioctl that knows fewer flags.
    const notOfThis = v1
      ? /kvm_gmem_bind|check_memory_region_flags|EINVAL kvm_arch_prepare_memory_region/
      : /kvm_vm_ioctl$/;
    expect([...kinds].filter((kind) => !outcomes.has(kind) && !notOfThis.test(kind))).toEqual([]);
  });
});

test("KVM_CREATE_GUEST_MEMFD: flags before the size", () => {
  const m = new Machine();
  const rows: readonly Row<{ size: bigint; flags: bigint }>[] = [
    ["EINVAL", "kvm_gmem_create", ({ flags }) => (flags & ~3n) !== 0n],
    ["EINVAL", "kvm_gmem_create", ({ size }) => BigInt.asIntN(64, size) <= 0n || !aligned(size)],
  ];
  const call = fc.record({
    size: from(0, 1, 0x1000, 2n ** 62n, 2n ** 63n, -0x1000, -1),
    flags: from(0, 1, 2, 3, 4, -1),
  });
  fc.assert(
    fc.property(call, (args) => {
      const mark = m.store.mark();
      const result = gmemCreate(m.kvm, m.task, args);
      m.store.rollback(mark);
      expect(said(result)).toBe(firstThatHolds(rows, args));
      if (isRefusal(result)) expect(result.reason.includes("flags")).toBe((args.flags & ~3n) !== 0n);
    }),
  );
});

test("KVM_SET_MEMORY_ATTRIBUTES: flags, attributes, the range, and its alignment last", () => {
  const m = new Machine(undefined, "x86", 1);
  const fn = "kvm_vm_ioctl_set_mem_attributes";
  type Call = { address: bigint; size: bigint; attributes: bigint; flags: bigint };
  const reasons: readonly (readonly [RegExp, (call: Call) => boolean])[] = [
    [/^flags/, ({ flags }) => flags !== 0n],
    [/^unknown attributes/, ({ attributes }) => (attributes & ~8n) !== 0n],
    [/^size 0$/, ({ size }) => size === 0n],
    [/wraps$/, ({ address, size }) => address + size >= WRAP],
    [/not page-aligned/, ({ address, size }) => !aligned(address) || !aligned(size)],
  ];
  const call = fc.record({
    address: from(0, 1, GPA, -0x1000, -1),
    size: from(0, 1, 0x1000, 0x2000, -0x1000),
    attributes: from(0, 8, 1, -1),
    flags: fc.oneof({ weight: 3, arbitrary: from(0) }, from(1, -1)),
  });
  fc.assert(
    fc.property(
      call.filter(({ size }) => size <= 0x2000n || size === u64(-0x1000n)),
      (args) => {
        const expected = reasons.find(([, holds]) => holds(args))?.[0];
        // That many pages are not modelled.
        fc.pre(expected !== undefined || args.size <= 0x2000n);
        const result = setMemoryAttributes(m.kvm, args);
        expect(isRefusal(result)).toBe(expected !== undefined);
        if (isRefusal(result))
          expect([result.fn, result.errno, expected!.test(result.reason)]).toEqual([fn, "EINVAL", true]);
      },
    ),
  );
});

test("KVM_PRE_FAULT_MEMORY: flags, alignment, the range, and only then what is there", () => {
  const m = new Machine(undefined, "x86");
  m.anon(RAM, 4);
  ok(m.set());
  type Call = { gpa: bigint; size: bigint; flags: bigint };
  const fn = "kvm_vcpu_pre_fault_memory";
  const rows: readonly Row<Call>[] = [
    ["EINVAL", fn, ({ flags }) => flags !== 0n],
    ["EINVAL", fn, ({ gpa, size }) => !aligned(gpa) || !aligned(size)],
    ["EINVAL", fn, ({ gpa, size }) => u64(gpa + size) <= gpa],
    ["ENOENT", "kvm_tdp_page_prefault", ({ gpa }) => gpa !== BigInt(GPA)],
  ];
  const call = fc.record({
    gpa: from(GPA, 0, 1, -0x1000, -1),
    size: from(0x1000, 0x8000, 0, 1, -0x1000),
    flags: from(0, 0, 0, 1, -1),
  });
  fc.assert(
    fc.property(call, (args) => {
      expect(said(preFaultMemory(m.vcpu, args).result)).toBe(firstThatHolds(rows, args));
    }),
  );
});

test("KVM_CLEAR_DIRTY_LOG: the slot's number, the first page, whether it is logged, the range, the bitmap last", () => {
  const m = new Machine();
  m.anon(RAM, 4);
  ok(m.set({ memorySize: 200n * PAGE, flags: KVM_MEM_LOG_DIRTY_PAGES }));
  ok(m.set({ slot: 1, guestPhysAddr: 0 }));
  type Call = { slot: bigint; firstPage: bigint; numPages: bigint; dirtyBitmap: bigint };
  const fn = "kvm_clear_dirty_log_protect";
  const rows: readonly Row<Call>[] = [
    ["EINVAL", fn, ({ slot }) => slot >= 32767n],
    ["EINVAL", fn, ({ firstPage }) => firstPage % 64n !== 0n],
    ["ENOENT", fn, ({ slot }) => slot !== 0n],
    ["EINVAL", fn, ({ firstPage, numPages }) => firstPage > 200n || numPages > 200n - firstPage],
    ["EINVAL", fn, ({ firstPage, numPages }) => numPages < 200n - firstPage && numPages % 64n !== 0n],
    ["EFAULT", fn, ({ numPages }) => numPages > 0n],
  ];
  const call = fc.record({
    slot: from(0, 0, 1, 2, 32766, 32767, 0x1_0000),
    firstPage: from(0, 64, 192, 256, 1, -64),
    numPages: from(0, 8, 64, 136, 200, 201, 7),
    dirtyBitmap: from(8),
  });
  fc.assert(
    fc.property(call, (args) => {
      expect(said(clearDirtyLog(m.kvm, args))).toBe(firstThatHolds(rows, args));
    }),
    { numRuns: 500 },
  );
});
