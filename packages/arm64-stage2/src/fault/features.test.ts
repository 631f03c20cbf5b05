import { Store } from "@kvmm/interleave";
import {
  createVcpu,
  guestAccess,
  KVM_MEM_LOG_DIRTY_PAGES,
  KvmModule,
  setMemoryRegion2,
} from "@kvmm/kvm-memslots";
import { Host, isRefusal, MapFlag, mmap, munmap, PAGE_SIZE, Prot, type Result } from "@kvmm/mm-core";
import { describe, expect, test } from "vitest";
import { decodeDescriptor } from "../descriptor/decode.js";
import { memoryType } from "../descriptor/memory-type.js";
import { machine } from "../machine.js";
import type { Stage2Tlb } from "../tlb.js";
import { arm64 } from "./arm64.js";
import type { Arm64Mmu } from "./arm64-mmu.js";
import { type Arm64Options, recordedMachine } from "./traits.js";

const RAM = 0x2000_0000_0000;
const GPA = 0x8000_0000;

function ok<T>(result: Result<T>): T {
  if (isRefusal(result)) throw new Error(`${result}`);
  return result;
}

/** A VM with four pages, of which the guest has written two; and the invalidations of its TLB since. */
function vm({ hardwareAccessFlag = true, ...features }: Partial<typeof recordedMachine> & Arm64Options) {
  const flushed: string[] = [];
  const tlb: Stage2Tlb = {
    flushVmidIpa: (ipa, level) => flushed.push(`${ipa - GPA} at level ${level}`),
    flushVmidIpaNsh: () => {},
    flushVmidRange: (ipa, pages) => flushed.push(`${pages} pages from ${ipa - GPA}`),
    flushVmid: () => flushed.push("all"),
  };
  const cpu = machine({ ...recordedMachine, ...features });
  const host = new Host(new Store());
  const vmm = host.spawn("vmm");
  const architecture = arm64({ machine: cpu, hardwareAccessFlag, tlb: () => tlb });
  const kvm = ok(new KvmModule(host, { architecture }).createVm(vmm));
  const vcpu = ok(createVcpu(kvm, vmm, 0));
  const length = 4 * PAGE_SIZE;
  const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;
  ok(mmap(vmm, { addr: RAM, length, prot: Prot.read | Prot.write, flags, fd: -1, offset: 0 }));
  const slot = (flag: number) =>
    ok(
      setMemoryRegion2(kvm, vmm, {
        slot: 0,
        flags: flag,
        guestPhysAddr: GPA,
        memorySize: length,
        userspaceAddr: RAM,
      }),
    );
  slot(0);
  for (const page of [0, 1]) guestAccess(vcpu, GPA + page * PAGE_SIZE, "write", 1);
  flushed.length = 0;
  return { kvm, vmm, vcpu, slot, flushed, length, cpu, mmu: kvm.mmu as Arm64Mmu };
}

describe("FWB", () => {
  test.each([
    [true, 6],
    [false, 15],
  ])("%s: the guest's memory is normal, by the MemAttr field %i", (fwb, memAttr) => {
    const { mmu, cpu } = vm({ fwb });
    const { pte, level } = mmu.pgt.peekLeaf(GPA as never)!;
    const leaf = decodeDescriptor(cpu, pte, level);
    expect(leaf).toMatchObject({ kind: "page", memAttr });
    expect(memoryType(cpu, memAttr)).toBe("normal");
  });

  test("defers, with range operations, the invalidations of an unmap to one", () => {
    const unmapped = (features: { fwb?: boolean; tlbRange?: boolean }) => {
      const { vmm, length, flushed } = vm(features);
      ok(munmap(vmm, RAM, length));
      return flushed.filter((one) => !one.includes("2147483647"));
    };
    expect(unmapped({})).toEqual(["4 pages from 0"]);
    expect(unmapped({ fwb: false })).toEqual(["0 at level 3", "4096 at level 3"]);
    expect(unmapped({ tlbRange: false })).toEqual(["0 at level 3", "4096 at level 3"]);
  });
});

test.each([
  [true, "4 pages from 0"],
  [false, "all"],
])("range operations %s: what was write-protected for logging is invalidated: %s", (tlbRange, flush) => {
  const { slot, flushed } = vm({ tlbRange });
  slot(KVM_MEM_LOG_DIRTY_PAGES);
  expect(flushed).toEqual([flush]);
});

test.each([
  [false, ["permission"]],
  [true, []],
])("DIC %s: a page that was written is executed, with the faults %j", (dic, faults) => {
  const { vcpu } = vm({ dic });
  expect(guestAccess(vcpu, GPA, "exec").faults.map(({ kind }) => kind)).toEqual(faults);
});

test.each([
  [true, []],
  [false, ["access_flag"]],
])("a hardware access flag (%s): an aged page is read, with the faults %j", (hardwareAccessFlag, faults) => {
  const { vcpu, kvm } = vm({ hardwareAccessFlag });
  expect(kvm.clearYoung(RAM, RAM + PAGE_SIZE, "test")).toBe(true);
  expect(guestAccess(vcpu, GPA, "read").faults.map(({ kind }) => kind)).toEqual(faults);
  expect(kvm.testYoung(RAM, "test")).toBe(true);
});

test.each([
  [true, undefined],
  [false, "EINVAL"],
])("LPA2 %s: a VM with 52 bits of guest physical address is refused with %s", (lpa2, errno) => {
  const cpu = machine({ ...recordedMachine, lpa2 });
  const host = new Host(new Store());
  const vmm = host.spawn("vmm");
  const made = new KvmModule(host, { architecture: arm64({ machine: cpu }) }).createVm(vmm, 52);
  expect(isRefusal(made) ? made.errno : undefined).toBe(errno);
});
