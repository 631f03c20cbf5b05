import { arm64 } from "@kvmm/arm64-stage2";
import { Store } from "@kvmm/interleave";
import {
  createVcpu,
  guestAccess,
  KVM_MEM_LOG_DIRTY_PAGES,
  KvmModule,
  setMemoryRegion2,
} from "@kvmm/kvm-memslots";
import { Host, hostAccess, isRefusal, MapFlag, mmap, munmap, PAGE_SIZE, Prot } from "@kvmm/mm-core";
import type { Rounds } from "./measure.js";

const SIZE = 2 ** 30;
const BLOCK = 2 ** 21;
const PAGES = SIZE / PAGE_SIZE;
const GPA = 0x8000_0000;
const RAM = 0x2000_0000_0000;
/** The bound of a guest's fault: the host's own, on the same page, without KVM. */
const TOUCH = "host fault on new memory, a 4K page (mm alone)";

function must<T>(result: T): Exclude<T, { errno: string }> {
  if (isRefusal(result)) throw new Error(result.toString());
  return result as Exclude<T, { errno: string }>;
}

function vm(transparentHugepage: "always" | "never") {
  const host = new Host(new Store(), { nodeSize: 4 * SIZE, transparentHugepage });
  const vmm = host.spawn("vmm");
  const kvm = must(new KvmModule(host, { architecture: arm64() }).createVm(vmm));
  const vcpu = must(createVcpu(kvm, vmm, 0));
  const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;
  const prot = Prot.read | Prot.write;
  must(mmap(vmm, { addr: RAM, length: SIZE, prot, flags, fd: -1, offset: 0 }));
  const slot = (flag: number) =>
    must(
      setMemoryRegion2(kvm, vmm, {
        slot: 0,
        flags: flag,
        guestPhysAddr: GPA,
        memorySize: SIZE,
        userspaceAddr: RAM,
      }),
    );
  slot(0);
  return {
    log: () => slot(KVM_MEM_LOG_DIRTY_PAGES),
    guest: (stride: number) => {
      for (let at = 0; at < SIZE; at += stride) guestAccess(vcpu, GPA + at, "write", 1);
    },
    host: (stride: number) => {
      for (let at = 0; at < SIZE; at += stride) hostAccess(vmm, RAM + at, 1);
    },
    munmap: () => must(munmap(vmm, RAM, SIZE)),
  };
}

/** A guest's faults, through the whole path: the memslot, get_user_pages, the tables, the dirty log. */
export function measureGuest(rounds: Rounds): void {
  const small = vm("never");
  rounds.note(TOUCH, PAGES, null, () => small.host(PAGE_SIZE));
  rounds.note("guest fault on a 4K page that is there", PAGES, TOUCH, () => small.guest(PAGE_SIZE));
  rounds.note("guest access without a fault", PAGES, TOUCH, () => small.guest(PAGE_SIZE));
  small.log();
  rounds.note("guest fault on a logged 4K page", PAGES, TOUCH, () => small.guest(PAGE_SIZE));
  rounds.note("munmap, stage 2 included, of a 4K page", PAGES, TOUCH, () => small.munmap());
  const fresh = vm("never");
  rounds.note("guest fault on new memory, a 4K page", PAGES, TOUCH, () => fresh.guest(PAGE_SIZE));
  const huge = vm("always");
  huge.host(BLOCK);
  rounds.note("guest fault on a 2M block that is there", SIZE / BLOCK, TOUCH, () => huge.guest(BLOCK));
  huge.log();
  rounds.note("guest fault that splits a logged 2M block", SIZE / BLOCK, TOUCH, () => huge.guest(BLOCK));
}
