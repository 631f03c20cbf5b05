import { Store, search } from "@kvmm/interleave";
import {
  createGpc,
  createVcpu,
  enableCap,
  getDirtyLog,
  gmemCreate,
  gpcActivate,
  gpcCheckLocked,
  guestAccess,
  KVM_MEM_GUEST_MEMFD,
  KVM_MEM_LOG_DIRTY_PAGES,
  type Kvm,
  type KvmBehaviour,
  KvmModule,
  kvm72,
  mteCopyTags,
  type ReferenceMmuOptions,
  referenceArchitecture,
  setMemoryAttributes,
  setMemoryRegion2,
} from "@kvmm/kvm-memslots";
import {
  Host,
  hostAccess,
  isRefusal,
  MapFlag,
  mmap,
  PAGE_SIZE,
  PageFlag,
  Prot,
  type Result,
  Task,
} from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import { attributesOfRange } from "../properties/attributes-of-range.js";
import { DirtyLogWitness } from "../properties/dirty-log-witness.js";
import { noLostReference } from "../properties/lost-reference.js";
import type { Property } from "../properties/property.js";
import { runScenario } from "../run/run-scenario.js";
import type { Patch } from "./define-patch.js";
import { undoGmemInitShared } from "./undo-gmem-init-shared.js";
import { undoGmemPoisonedPage } from "./undo-gmem-poisoned-page-reference.js";
import { undoGpcLocks } from "./undo-gpc-locks.js";
import { undoMteCopyWhileLogging } from "./undo-mte-copy-while-logging.js";
import { undoReservedAttributes } from "./undo-reserved-attributes.js";

const RAM = 0x2000_0000_0000;
const GPA = 0x8000_0000;

/** The kernel without the fix, and with it. */
function without(patch: Patch): KvmBehaviour {
  return patch.change.kvm!(kvm72);
}

function ok<T>(result: Result<T>): T {
  if (isRefusal(result)) throw new Error(`${result}`);
  return result;
}

function machine(behaviour: KvmBehaviour, options: ReferenceMmuOptions, type = 0) {
  const host = new Host(new Store());
  const vmm = host.spawn("vmm");
  const module = new KvmModule(host, { architecture: referenceArchitecture(options), behaviour });
  const kvm: Kvm = ok(module.createVm(vmm, type));
  const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;
  const anon = () =>
    ok(
      mmap(vmm, { addr: RAM, length: 4 * PAGE_SIZE, prot: Prot.read | Prot.write, flags, fd: -1, offset: 0 }),
    );
  const region = { slot: 0, guestPhysAddr: GPA, memorySize: 4 * PAGE_SIZE, userspaceAddr: RAM };
  const said = ({ broken }: Property) => broken(kvm, vmm);
  return { host, vmm, kvm, anon, region, said };
}

describe("C03, undo-c31745d2c508: a poisoned page of a guest_memfd", () => {
  function poisonedRead(behaviour: KvmBehaviour) {
    const m = machine(behaviour, { arch: "x86" });
    const vcpu = ok(createVcpu(m.kvm, m.vmm, 0));
    const guestMemfd = ok(gmemCreate(m.kvm, m.vmm, { size: 4 * PAGE_SIZE, flags: 3n }));
    ok(setMemoryRegion2(m.kvm, m.vmm, { ...m.region, flags: KVM_MEM_GUEST_MEMFD, guestMemfd }));
    guestAccess(vcpu, GPA, "write", 1);
    const pfn = m.vmm.process.file(guestMemfd)!.inode!.pages.at(0);
    m.host.frames.mark(pfn, PageFlag.hwpoison);
    // Its mapping goes, as memory failure has it go; then the guest comes back, and back again.
    m.kvm.mmu.flushShadowAll();
    for (let i = 0; i < 2; i++)
      expect(guestAccess(vcpu, GPA, "read").exit).toMatchObject({ errno: "EHWPOISON" });
    return m.said(noLostReference);
  }

  test("loses no reference with the fix", () => {
    expect(poisonedRead(kvm72)).toBeUndefined();
  });

  test("is caught without it by: no lost page reference", () => {
    expect(poisonedRead(without(undoGmemPoisonedPage))).toMatch(
      /has 4 references, of which at most 3 are accounted for/,
    );
  });
});

describe("C04, undo-fe2bf6234e94: user space touches a guest_memfd without INIT_SHARED", () => {
  const touch = (patches: readonly Patch[]) =>
    runScenario(
      {
        machine: { kernel: "7.2" },
        steps: [
          {
            call: "KVM_CREATE_GUEST_MEMFD",
            args: { size: "2p", flags: ["GUEST_MEMFD_FLAG_MMAP"] },
            as: "gmem",
          },
          { call: "mmap", args: { length: "2p", prot: "rw", flags: ["MAP_SHARED"], fd: "gmem" }, as: "ram" },
          { call: "host_write", args: { addr: "ram", length: "1p" } },
        ],
      },
      { patches },
    );

  test("and gets SIGBUS with the fix", () => {
    const { violations, observed } = touch([]);
    expect(violations).toEqual([]);
    expect(observed[2]?.signals).toEqual([{ pages: [[0, 1]], signal: "SIGBUS", code: "BUS_ADRERR" }]);
  });

  test("and is caught without it by: no guest-private page in user space", () => {
    const { verdict, violations } = touch([undoGmemInitShared]);
    expect(verdict).toBe("breaks");
    expect(violations).toMatchObject([{ property: "no guest-private page in user space", step: 2 }]);
  });
});

describe("C07, undo-277d3623d99a: KVM_SET_MEMORY_ATTRIBUTES runs out of memory half-way", () => {
  function reserved(behaviour: KvmBehaviour) {
    const m = machine(behaviour, { arch: "x86" }, 1);
    m.anon();
    ok(setMemoryRegion2(m.kvm, m.vmm, m.region));
    m.kvm.failReserveAt = GPA / PAGE_SIZE + 2;
    const failed = setMemoryAttributes(m.kvm, { address: GPA, size: 4 * PAGE_SIZE, attributes: 8n });
    expect(isRefusal(failed) && failed.errno).toBe("ENOMEM");
    return m.said(attributesOfRange);
  }

  test("and the range is without attributes with the fix", () => {
    expect(reserved(kvm72)).toBeUndefined();
  });

  test("and is caught without it by: a range's memory attributes are those of its pages", () => {
    expect(reserved(without(undoReservedAttributes))).toMatch(/no page of slot 0 .* has attributes/);
  });
});

describe("B05, undo-52491a38b2c2: a cache is activated while somebody looks at it", () => {
  function activateAgainstCheck(behaviour: KvmBehaviour): string {
    const m = machine(behaviour, { arch: "x86" });
    m.anon();
    ok(setMemoryRegion2(m.kvm, m.vmm, m.region));
    const gpc = createGpc(m.kvm);
    const activator = new Task(m.vmm.process, "activator", 2, 0);
    const inSrcu = <T>(use: () => T): T => {
      const idx = m.kvm.srcu.readLock();
      const used = use();
      m.kvm.srcu.readUnlock(idx);
      return used;
    };
    const { violations, exhaustive } = search(m.kvm.store, [
      { name: "sender", calls: [() => inSrcu(() => gpcCheckLocked(gpc, 64))] },
      { name: "activator", calls: [() => inSrcu(() => isRefusal(gpcActivate(activator, gpc, GPA, 64)))] },
    ]);
    if (violations.length === 0) return exhaustive ? "holds" : "not covered";
    return violations[0]!.message;
  }

  test("and each lock is released by its holder with the fix", () => {
    expect(activateAgainstCheck(kvm72)).toBe("holds");
  });

  test("and is caught without it by the lock itself: released by who does not hold it", () => {
    expect(activateAgainstCheck(without(undoGpcLocks))).toBe(
      "sender releases gpc->lock, which it does not hold",
    );
  });
});

describe("D09, undo-e0b7de4fd18c: tags are copied to the guest while its memory is logged", () => {
  function copyWhileLogging(behaviour: KvmBehaviour) {
    const m = machine(behaviour, { arch: "arm64", traits: { mte: true } });
    ok(enableCap(m.kvm, "KVM_CAP_ARM_MTE", 0, []));
    m.anon();
    ok(setMemoryRegion2(m.kvm, m.vmm, { ...m.region, flags: KVM_MEM_LOG_DIRTY_PAGES }));
    hostAccess(m.vmm, RAM + PAGE_SIZE, 1);
    const witness = new DirtyLogWitness(m.kvm, m.vmm, 0);
    const copied = mteCopyTags(m.kvm, m.vmm, { guestIpa: GPA + PAGE_SIZE, length: PAGE_SIZE, tags: 5 });
    return {
      copied: isRefusal(copied) ? copied.errno : "copied",
      missing: witness.missing(ok(getDirtyLog(m.kvm, { slot: 0 }))),
    };
  }

  test("and that is refused (EBUSY) with the fix", () => {
    expect(copyWhileLogging(kvm72)).toEqual({ copied: "EBUSY", missing: [] });
  });

  test("and is caught without it by: the dirty log tells of every change", () => {
    expect(copyWhileLogging(without(undoMteCopyWhileLogging))).toEqual({ copied: "copied", missing: [1] });
  });
});
