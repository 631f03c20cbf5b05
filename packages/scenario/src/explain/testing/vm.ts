import { Store } from "@kvmm/interleave";
import {
  enableCap,
  gmemCreate,
  gmemGetPfn,
  KVM_MEM_GUEST_MEMFD,
  type Kvm,
  type KvmIoctl,
  KvmModule,
  kvmIoctl,
  openKvm,
  type ReferenceMmuOptions,
  referenceArchitecture,
  setMemoryRegion2,
  type UserMemoryRegion,
} from "@kvmm/kvm-memslots";
import { Host, isRefusal, MapFlag, mmap, PAGE_SIZE, Prot, type Result } from "@kvmm/mm-core";
import { expect, test } from "vitest";

export const RAM = 0x2000_0000_0000;
export const GPA = 0x8000_0000;
export const GFN = GPA / PAGE_SIZE;

/** A VM of the reference MMU, with four pages of user memory. */
export class Vm {
  readonly host: Host;
  readonly vmm;
  readonly module: KvmModule;
  readonly kvm: Kvm;

  constructor(options: ReferenceMmuOptions = {}, type = 0, nodeSize?: number) {
    this.host = new Host(new Store(), nodeSize === undefined ? {} : { nodes: 1, nodeSize, swapSize: 0 });
    this.vmm = this.host.spawn("vmm");
    this.module = new KvmModule(this.host, { architecture: referenceArchitecture(options) });
    this.kvm = ok(this.module.createVm(this.vmm, type));
    this.map(-1);
  }

  map(fd: number): void {
    const flags = MapFlag.fixed | (fd < 0 ? MapFlag.private | MapFlag.anonymous : MapFlag.shared);
    ok(
      mmap(this.vmm, {
        addr: RAM,
        length: 4 * PAGE_SIZE,
        prot: Prot.read | Prot.write,
        flags,
        fd,
        offset: 0,
      }),
    );
  }

  set(region: Partial<UserMemoryRegion> = {}): Result<0> {
    const whole = { slot: 0, guestPhysAddr: GPA, memorySize: 4 * PAGE_SIZE, userspaceAddr: RAM };
    return setMemoryRegion2(this.kvm, this.vmm, { ...whole, ...region });
  }

  /** A memslot whose memory is a guest_memfd. */
  gmem() {
    const guestMemfd = ok(gmemCreate(this.kvm, this.vmm, { size: 4 * PAGE_SIZE, flags: 1n }));
    ok(this.set({ flags: KVM_MEM_GUEST_MEMFD, guestMemfd }));
    const slot = this.kvm.peekMemslots().peek()[0]!;
    const file = this.vmm.process.file(guestMemfd)!;
    return { fd: guestMemfd, file, slot, page: (gfn = GFN) => gmemGetPfn(this.kvm, this.vmm, slot, gfn, []) };
  }

  /** An ioctl on /dev/kvm or on a VM with a descriptor of its own. */
  ioctl(on: "/dev/kvm" | "vm", call: KvmIoctl, broken = false) {
    const kvm = openKvm(this.vmm, this.module);
    if (on === "/dev/kvm") return kvmIoctl(this.vmm, kvm, call);
    const vm = ok(kvmIoctl(this.vmm, kvm, { request: "KVM_CREATE_VM" })).ret;
    if (broken) this.module.vms.peek().at(-1)!.bug("kvm_mmu_invalidate_end", "a test");
    return kvmIoctl(this.vmm, vm, call);
  }
}

export function ok<T>(result: Result<T>): T {
  if (isRefusal(result)) throw new Error(`${result}`);
  return result;
}

/** A VM with MTE. */
export function mte(): Vm {
  const vm = new Vm({ traits: { mte: true } });
  ok(enableCap(vm.kvm, "KVM_CAP_ARM_MTE", 0, []));
  return vm;
}

/** What it is about, a call, and what its refusal says. */
type Row = readonly [what: string, call: () => Result<unknown>, said: string | RegExp];

export function explains(rows: readonly Row[]): void {
  test.each(rows)("%s", (_, call, said) => {
    const refusal = call();
    const told = isRefusal(refusal) ? `${refusal}` : "fine";
    if (typeof said === "string") expect(told).toBe(said);
    else expect(told).toMatch(said);
  });
}
