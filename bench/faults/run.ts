import { arm64 } from "@kvmm/arm64-stage2";
import { Store } from "@kvmm/interleave";
import { guestAccess, KvmModule, kvmIoctl, openKvm, type Vcpu } from "@kvmm/kvm-memslots";
import { Host, hostAccess, isRefusal, MapFlag, mmap, munmap, PAGE_SIZE, Prot } from "@kvmm/mm-core";

const PAGES = 1 << 18;
const ROUNDS = 3;
const GPA = 0x8000_0000;
const RAM = 0x2000_0000_0000;

function must<T>(result: T): Exclude<T, { errno: string }> {
  if (isRefusal(result)) throw new Error(result.toString());
  return result as Exclude<T, { errno: string }>;
}

function machine(journalling: boolean) {
  const store = new Store();
  const host = new Host(store, { nodeSize: 4 * 2 ** 30 });
  const module = new KvmModule(host, { architecture: arm64() });
  const vmm = host.spawn("vmm");
  const kvm = openKvm(vmm, module);
  const vm = must(kvmIoctl(vmm, kvm, { request: "KVM_CREATE_VM" })).ret;
  const vcpu = vmm.process.file(must(kvmIoctl(vmm, vm, { request: "KVM_CREATE_VCPU" })).ret)!.data as Vcpu;
  const length = PAGES * PAGE_SIZE;
  const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;
  must(mmap(vmm, { addr: RAM, length, prot: Prot.read | Prot.write, flags, fd: -1, offset: 0 }));
  const arg = { slot: 0, guestPhysAddr: GPA, memorySize: length, userspaceAddr: RAM };
  must(kvmIoctl(vmm, vm, { request: "KVM_SET_USER_MEMORY_REGION2", arg }));
  if (journalling) store.mark();
  return { vmm, vcpu, length };
}

/** CPU seconds of a piece of work. */
function cpu(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

/** Seconds for each kind of work on PAGES pages, median of the rounds. */
function measure() {
  const seconds = new Map<string, number[]>();
  const note = (what: string, work: () => void) => {
    seconds.set(what, [...(seconds.get(what) ?? []), cpu(work)]);
  };
  for (let round = 0; round < ROUNDS; round++) {
    const host = machine(false);
    note("host touches alone (mm only)", () => {
      for (let page = 0; page < PAGES; page++) hostAccess(host.vmm, RAM + page * PAGE_SIZE, 1);
    });
    note("guest faults on pages that are there", () => {
      for (let page = 0; page < PAGES; page++) guestAccess(host.vcpu, GPA + page * PAGE_SIZE, "write", 1);
    });
    note("guest accesses without a fault", () => {
      for (let page = 0; page < PAGES; page++) guestAccess(host.vcpu, GPA + page * PAGE_SIZE, "write", 1);
    });
    note("munmap of all of it, stage 2 included", () => {
      munmap(host.vmm, RAM, host.length);
    });
    const fresh = machine(false);
    note("guest faults on new memory, whole path", () => {
      for (let page = 0; page < PAGES; page++) guestAccess(fresh.vcpu, GPA + page * PAGE_SIZE, "write", 1);
    });
    const journalled = machine(true);
    note("the same, journalled", () => {
      for (let page = 0; page < PAGES; page++)
        guestAccess(journalled.vcpu, GPA + page * PAGE_SIZE, "write", 1);
    });
  }
  return [...seconds].map(([what, all]) => ({ what, seconds: median(all) }));
}

const rows = measure();
const base = rows[0]!.seconds;
console.log(
  `${PAGES} pages of 4 KiB, one after the other; CPU time, median of ${ROUNDS} rounds, Node ${process.version}`,
);
console.table(
  Object.fromEntries(
    rows.map(({ what, seconds }) => [
      what,
      {
        "per second": Math.round(PAGES / seconds).toLocaleString("en"),
        "us each": ((seconds / PAGES) * 1e6).toFixed(2),
        "x host touch": (seconds / base).toFixed(2),
      },
    ]),
  ),
);
