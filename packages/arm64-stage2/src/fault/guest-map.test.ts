import { Store } from "@kvmm/interleave";
import {
  type AccessKind,
  clearDirtyLog,
  createVcpu,
  enableCap,
  getDirtyLog,
  guestAccess,
  KVM_MEM_LOG_DIRTY_PAGES,
  KvmModule,
  setMemoryRegion2,
} from "@kvmm/kvm-memslots";
import {
  getUserPage,
  Host,
  hostAccess,
  invalidateRangeEnd,
  invalidateRangeStart,
  isRefusal,
  MapFlag,
  mmap,
  PAGE_SIZE,
  Prot,
  type Result,
} from "@kvmm/mm-core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Arm64Behaviour, arm64v72 } from "../behaviour.js";
import { type GuestEntry, GuestMap, type GuestMapOptions } from "../conformance/guest-map.js";
import { decodeDescriptor } from "../descriptor/decode.js";
import { Xn } from "../descriptor/layout.js";
import { tableEntries } from "../dump/entries.js";
import { machine } from "../machine.js";
import { BreakBeforeMake } from "../table/break-before-make.js";
import { arm64 } from "./arm64.js";
import type { Arm64Mmu } from "./arm64-mmu.js";
import { stage2Checks } from "./check.js";
import { recordedMachine } from "./traits.js";

const RAM = 0x2000_0000_0000;
const PAGES = 1024;

function ok<T>(result: Result<T>): T {
  if (isRefusal(result)) throw new Error(`${result}`);
  return result;
}

function said(first: number, pfn: number, { pages, w, x, young }: GuestEntry): string {
  return `${first}+${pages} is frame ${pfn} r${w ? "w" : ""}${x ? "x" : ""}${young ? " AF" : ""}`;
}

interface Config extends Pick<GuestMapOptions, "dic" | "hardwareAccessFlag"> {
  /** By how many pages guest physical and user addresses are aligned differently. */
  readonly shift: 0 | 1;
  readonly chunk: 0 | 0x1000 | 0x20_0000 | 0x4000_0000;
  readonly log: "plain" | "manual" | "initially-set";
  readonly fwb: boolean;
  readonly tlbRange: boolean;
}

/** A VM whose only memslot is two huge pages of the host, and what should become of it. */
class Pair {
  readonly bbm = new BreakBeforeMake();
  readonly model: GuestMap;
  readonly #gpa: number;
  readonly #vmm;
  readonly #kvm;
  readonly #vcpu;
  readonly #pfns: readonly number[];

  constructor(
    readonly config: Config,
    behaviour: Arm64Behaviour = arm64v72,
  ) {
    const host = new Host(new Store(), { transparentHugepage: "always" });
    const { fwb, tlbRange, dic, hardwareAccessFlag, chunk, shift, log } = config;
    const features = machine({ ...recordedMachine, fwb, tlbRange, dic });
    const architecture = arm64({ machine: features, hardwareAccessFlag, behaviour, tlb: () => this.bbm.tlb });
    const vmm = host.spawn("vmm");
    const kvm = ok(new KvmModule(host, { architecture }).createVm(vmm));
    this.#vmm = vmm;
    this.#kvm = kvm;
    this.#vcpu = ok(createVcpu(kvm, vmm, 0));
    this.#gpa = 0x8000_0000 + shift * PAGE_SIZE;
    this.bbm.watch(this.mmu.pgt);
    ok(enableCap(kvm, "KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE", 0, [chunk]));
    const options = { plain: 0, manual: 1, "initially-set": 3 }[log];
    ok(enableCap(kvm, "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2", 0, [options]));
    const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;
    ok(
      mmap(vmm, {
        addr: RAM,
        length: PAGES * PAGE_SIZE,
        prot: Prot.read | Prot.write,
        flags,
        fd: -1,
        offset: 0,
      }),
    );
    for (const page of [0, 512]) hostAccess(vmm, RAM + page * PAGE_SIZE, 1);
    this.#pfns = Array.from({ length: PAGES }, (_, page) => {
      const pfn = getUserPage(vmm, RAM + page * PAGE_SIZE, { write: false, fastOnly: true }) as number;
      host.frames.put(pfn);
      return pfn;
    });
    this.#region(0);
    this.model = new GuestMap({
      ...config,
      npages: PAGES,
      blocks: shift === 0,
      eagerSplit: chunk !== 0,
      manual: log !== "plain",
      initiallySet: log === "initially-set",
    });
  }

  get mmu(): Arm64Mmu {
    return this.#kvm.mmu as Arm64Mmu;
  }

  #region(flags: number): void {
    const region = {
      slot: 0,
      flags,
      guestPhysAddr: this.#gpa,
      memorySize: PAGES * PAGE_SIZE,
      userspaceAddr: RAM,
    };
    ok(setMemoryRegion2(this.#kvm, this.#vmm, region));
  }

  access(page: number, kind: AccessKind): void {
    const { faults, exit } = guestAccess(this.#vcpu, this.#gpa + page * PAGE_SIZE, kind, 1);
    expect(exit).toBeUndefined();
    expect(faults.map((fault) => fault.kind)).toEqual(this.model.access(page, kind));
  }

  invalidate(first: number, end: number): void {
    const { mm } = this.#vmm;
    const range = invalidateRangeStart(mm, RAM + first * PAGE_SIZE, RAM + end * PAGE_SIZE, "CLEAR", "test");
    invalidateRangeEnd(mm, range);
    this.model.unmap(first, end);
  }

  age(first: number, end: number): void {
    const young = this.#kvm.clearYoung(RAM + first * PAGE_SIZE, RAM + end * PAGE_SIZE, "test");
    expect(young).toBe(this.model.age(first, end, true));
  }

  testAge(page: number): void {
    expect(this.#kvm.testYoung(RAM + page * PAGE_SIZE, "test")).toBe(this.model.age(page, page + 1, false));
  }

  logging(on: boolean): void {
    this.#region(on ? KVM_MEM_LOG_DIRTY_PAGES : 0);
    this.model.setLogging(on);
  }

  getLog(): void {
    if (!this.model.logging) return;
    const pages = ok(getDirtyLog(this.#kvm, { slot: 0 })).flatMap(([first, end]) =>
      Array.from({ length: end - first }, (_, i) => first + i),
    );
    expect(pages).toEqual(this.model.getLog());
  }

  clearLog(firstWord: number, words: number): void {
    if (!this.model.logging || this.config.log === "plain") return;
    const firstPage = firstWord * 64;
    const numPages = Math.min(words * 64, PAGES - firstPage);
    const dirtyBitmap = [[firstPage, firstPage + numPages]] as const;
    ok(clearDirtyLog(this.#kvm, { slot: 0, firstPage, numPages, dirtyBitmap }));
    this.model.clearLog(firstPage, firstPage + numPages);
  }

  /** Stage 2 is what the map says, and all that must hold does. */
  agree(): void {
    const { mmu, bbm } = this;
    const found = tableEntries(mmu.pgt)
      .filter(({ child }) => child === null)
      .map(({ desc, level, ipa }) => {
        const leaf = decodeDescriptor(mmu.machine, desc, level);
        if (leaf.kind !== "page" && leaf.kind !== "block")
          throw new Error(`a ${leaf.kind} entry at level ${level}`);
        const x = leaf.xn === Xn.None;
        return said((ipa - this.#gpa) / PAGE_SIZE, leaf.pa / PAGE_SIZE, {
          pages: level === 3 ? 1 : 512,
          w: leaf.write,
          x,
          young: leaf.accessFlag,
        });
      });
    const wanted = [...this.model.entries]
      .sort(([a], [b]) => a - b)
      .map(([first, entry]) => said(first, this.#pfns[first]!, entry));
    expect(found).toEqual(wanted);
    bbm.settle();
    expect(bbm.violations).toEqual([]);
    for (const { name, broken } of stage2Checks) expect(broken(mmu), name).toBeUndefined();
    expect(this.#kvm.host.warnings.peek()).toEqual([]);
  }

  /** The VM goes: so do all its table pages. */
  end(): void {
    this.mmu.flushShadowAll();
    this.mmu.pgt.tables.checkEmpty();
  }
}

/** Mostly the same few, at the borders of blocks: what matters is what happens to one page in turn. */
const page = fc.oneof(
  { weight: 1, arbitrary: fc.nat({ max: PAGES - 1 }) },
  { weight: 4, arbitrary: fc.constantFrom(0, 1, 511, 512, 513, PAGES - 1) },
);
const kind = fc.constantFrom<AccessKind[]>("read", "write", "exec");
const range = fc.tuple(page, page).map(([a, b]): [number, number] => (a <= b ? [a, b + 1] : [b, a + 1]));

type Op = (pair: Pair) => void;
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(page, kind).map(
      ([at, how]): Op =>
        (pair) =>
          pair.access(at, how),
    ),
  },
  {
    weight: 1,
    arbitrary: range.map(
      ([first, end]): Op =>
        (pair) =>
          pair.invalidate(first, end),
    ),
  },
  {
    weight: 1,
    arbitrary: range.map(
      ([first, end]): Op =>
        (pair) =>
          pair.age(first, end),
    ),
  },
  {
    weight: 1,
    arbitrary: page.map(
      (at): Op =>
        (pair) =>
          pair.testAge(at),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.boolean().map(
      (on): Op =>
        (pair) =>
          pair.logging(on),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Op>((pair) => pair.getLog()) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat({ max: 15 }), fc.integer({ min: 1, max: 16 })).map(
      ([first, words]): Op =>
        (pair) =>
          pair.clearLog(first, words),
    ),
  },
);

const config: fc.Arbitrary<Config> = fc.record({
  shift: fc.constantFrom<Config["shift"][]>(0, 0, 1),
  chunk: fc.constantFrom<Config["chunk"][]>(0, 0x1000, 0x20_0000, 0x4000_0000),
  log: fc.constantFrom<Config["log"][]>("plain", "manual", "initially-set"),
  fwb: fc.boolean(),
  tlbRange: fc.boolean(),
  dic: fc.boolean(),
  hardwareAccessFlag: fc.boolean(),
});

function holds(behaviour?: Arm64Behaviour) {
  return fc.property(config, fc.array(op, { minLength: 1, maxLength: 30 }), (how, ops) => {
    const pair = new Pair(how, behaviour);
    for (const each of ops) {
      each(pair);
      pair.agree();
    }
    pair.end();
  });
}

test("faults, unmaps, protections, ageing, splits and collapses do what a map from page to entry says", () => {
  fc.assert(holds(), { numRuns: 400 });
}, 300_000);

test.each<[keyof Arm64Behaviour, Partial<Arm64Behaviour>]>([
  ["wrprotectAtHole", { wrprotectAtHole: "end" }],
  ["blockOverTable", { blockOverTable: "overwrite" }],
  ["userPermissionFault", { userPermissionFault: "by-logging" }],
  ["execPermission", { execPermission: "inherited" }],
  ["hugeMappingFit", { hugeMappingFit: "unchecked" }],
])(
  "they do not with another decision at %s",
  (_name, change) => {
    const { failed } = fc.check(holds({ ...arm64v72, ...change }), { numRuns: 10_000, endOnFailure: true });
    expect(failed).toBe(true);
  },
  300_000,
);
