import { Arm64Mmu, arm64, BreakBeforeMake, NO_TLB, type Stage2Tlb } from "@kvmm/arm64-stage2";
import { Store } from "@kvmm/interleave";
import {
  guestAccess,
  type Kvm,
  type KvmIoctl,
  KvmModule,
  kvmIoctl,
  openKvm,
  referenceArchitecture,
  setMemoryRegion2,
  type Vcpu,
} from "@kvmm/kvm-memslots";
import {
  exit,
  Host,
  hostAccess,
  isRefusal,
  MapFlag,
  mmap,
  NotModelled,
  openConsole,
  PAGE_SIZE,
  Prot,
  type Task,
} from "@kvmm/mm-core";
import type { Machine } from "../format/machine.js";
import type { PageList } from "../format/page-list.js";
import type { Step } from "../format/step.js";
import type { Behaviour } from "../kernels/behaviour.js";
import type { RunningSpe } from "../spe/running-spe.js";
import { Caches } from "./caches.js";
import { Chance } from "./chance.js";
import { cpuOf } from "./cpu.js";

/** A memslot that the VM has before the first step. */
interface Predefined {
  readonly slot: number;
  readonly gpa: number;
  readonly hva: number;
  readonly size: number;
}

/** Holds the guest's program: a page of instructions, and a page of exception vectors behind it. */
const PROGRAM: Predefined = { slot: 30, gpa: 0x1_0000, hva: 0x2300_0000_0000, size: 2 * PAGE_SIZE };
/** The second one, of the machines whose stage 2 is dumped: a page that the guest has written. */
const DATA: Predefined = { slot: 31, gpa: 0x2_0000, hva: 0x2400_0000_0000, size: PAGE_SIZE };

/** Where user space ends on a kernel of `config: lab`: its addresses have 48 bits. */
const LAB_TASK_SIZE = 2 ** 48;

/** The machine at the first step, as FORMAT.md describes it, and what the steps have made of it since. */
export class World {
  readonly store = new Store();
  readonly host: Host;
  readonly module: KvmModule;
  readonly vmm: Task;
  /** Children by name. */
  readonly tasks = new Map<string, Task>();
  /** What names stand for: addresses, descriptors. */
  readonly names = new Map<string, bigint>();
  /** What the last KVM_GET_DIRTY_LOG returned. */
  lastDirtyLog: PageList = [];
  readonly #ended = new Set<Task>();
  readonly #lengths = new Map<string, number>();
  readonly kvm: Kvm;
  readonly vcpu: Vcpu;
  /** The pfncaches that calls have made; what their names stand for. */
  readonly caches = new Caches();
  readonly chance = new Chance();
  /** Holds the stores to the stage-2 tables of `vm` against the architecture. */
  breakBeforeMake: BreakBeforeMake | null = null;
  /** The profiling unit of the vCPU, while the guest has it enabled. */
  spe: RunningSpe | null = null;
  /** Memslots that are no part of what is observed, but for the dumps of stage 2. */
  readonly predefined: ReadonlySet<number>;

  constructor(
    readonly machine: Machine,
    behaviour: Behaviour,
    /** Watch the stage-2 tables of `vm`? Costs time. */
    watch = false,
  ) {
    if ((machine.page_size ?? 4096) !== 4096) throw new NotModelled(`pages of ${machine.page_size} bytes`);
    this.store.names[0] = "the VMM";
    const architecture =
      machine.arch === "x86" ? referenceArchitecture({ arch: "x86" }) : this.#arm64(behaviour, watch);
    const taskSize = machine.config === "lab" ? LAB_TASK_SIZE : architecture.traits.taskSizeMax;
    this.host = new Host(this.store, {
      nodes: machine.nodes ?? 2,
      taskSize,
      ...(machine.config === "lab" ? { swapSize: 0, crossMemoryAttach: false, damonStat: false } : {}),
      behaviour: behaviour.mm,
    });
    this.module = new KvmModule(this.host, {
      architecture,
      behaviour: behaviour.kvm,
      taskSizeMax: taskSize,
    });
    this.vmm = this.host.spawn("vmm");
    openConsole(this.vmm);
    this.#name("kvm", openKvm(this.vmm, this.module));
    const vm = this.#ioctl("vm", "kvm", { request: "KVM_CREATE_VM", type: machine.vm_type ?? 0 });
    this.kvm = this.vmm.process.file(vm)!.data as Kvm;
    if (this.kvm.mmu instanceof Arm64Mmu) this.breakBeforeMake?.watch(this.kvm.mmu.pgt);
    if (machine.eager_split_chunk_size !== undefined) {
      const args = [machine.eager_split_chunk_size];
      this.#ioctl(
        "vm",
        "vm",
        { request: "KVM_ENABLE_CAP", arg: { cap: "KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE", args } },
        vm,
      );
    }
    const vcpu = this.#ioctl("vcpu", "vm", { request: "KVM_CREATE_VCPU" });
    this.vcpu = this.vmm.process.file(vcpu)!.data as Vcpu;
    const predefined = machine.config === "lab" ? [PROGRAM, DATA] : [PROGRAM];
    this.predefined = new Set(predefined.map(({ slot }) => slot));
    for (const each of predefined) this.#predefine(each);
    for (let at = PROGRAM.hva; at < PROGRAM.hva + PROGRAM.size; at += PAGE_SIZE) hostAccess(this.vmm, at, 0);
    this.runProgram();
    if (this.predefined.has(DATA.slot)) guestAccess(this.vcpu, DATA.gpa, "write", 0);
  }

  #arm64(behaviour: Behaviour, watch: boolean) {
    const watcher = watch ? new BreakBeforeMake() : null;
    this.breakBeforeMake = watcher;
    let isFirst = true;
    const tlb = () => {
      const own = watcher !== null && isFirst ? watcher.tlb : NO_TLB;
      const tlb = isFirst ? this.#seenBySpe(own) : own;
      isFirst = false;
      return tlb;
    };
    return arm64({ behaviour: behaviour.arm64, ...cpuOf(this.machine.cpu), tlb });
  }

  /** Each invalidation takes a while, in which a profiled vCPU runs on. */
  #seenBySpe(tlb: Stage2Tlb): Stage2Tlb {
    const wait = () => {
      if (this.store.task === null) this.spe?.duringTlbInvalidation();
    };
    return {
      flushVmidIpa: (ipa, level) => {
        wait();
        tlb.flushVmidIpa(ipa, level);
      },
      flushVmidIpaNsh: (ipa, level) => tlb.flushVmidIpaNsh(ipa, level),
      flushVmidRange: (ipa, pages) => {
        wait();
        tlb.flushVmidRange(ipa, pages);
      },
      flushVmid: () => {
        wait();
        tlb.flushVmid();
      },
    };
  }

  /** The guest runs: it fetches its program. Threads that are explored leave that out, as long as it is mapped. */
  runProgram(): void {
    if (this.store.task !== null) return;
    guestAccess(this.vcpu, PROGRAM.gpa, "exec");
  }

  /** The guest takes an exception: it fetches its vectors. */
  takeException(): void {
    if (this.store.task !== null) return;
    guestAccess(this.vcpu, PROGRAM.gpa + PAGE_SIZE, "exec");
  }

  #predefine({ slot, gpa, hva, size }: Predefined): void {
    must(
      mmap(this.vmm, {
        addr: hva,
        length: size,
        prot: Prot.read | Prot.write,
        flags: MapFlag.private | MapFlag.anonymous | MapFlag.fixed,
        fd: -1,
        offset: 0,
      }),
    );
    must(
      setMemoryRegion2(this.kvm, this.vmm, {
        slot,
        guestPhysAddr: gpa,
        memorySize: size,
        userspaceAddr: hva,
      }),
    );
  }

  #ioctl(name: string, on: string, call: KvmIoctl, value?: number): number {
    const result = kvmIoctl(this.vmm, Number(this.names.get(on)), call);
    if (isRefusal(result)) throw new NotModelled(`a machine where ${call.request} fails: ${result}`);
    const { ret } = result;
    this.#name(name, value ?? ret);
    return ret;
  }

  #name(name: string, value: number): void {
    this.names.set(name, BigInt(value));
  }

  /** Gives a name what a step returned. */
  give(step: Step, value: bigint, child?: Task): void {
    this.names.set(step.as!, value);
    if (child !== undefined) this.tasks.set(step.as!, child);
    const length = step.args?.["length"];
    if (step.call !== "mmap" || length === undefined) return;
    this.#lengths.set(step.as!, this.#mappedLength(value));
  }

  /** Bytes that a named mapping had when it was made; 0 for what is none. */
  lengthOf(name: string): number {
    return this.#lengths.get(name) ?? 0;
  }

  #mappedLength(address: bigint): number {
    const vma = this.vmm.mm.vmas.peek().find((candidate) => candidate.peek().start === Number(address));
    return vma === undefined ? 0 : vma.peek().end - vma.peek().start;
  }

  /** A child exits and is reaped, unless a signal has ended it already. */
  end(task: Task): void {
    if (this.#ended.has(task)) return;
    this.#ended.add(task);
    exit(task);
  }

  hasEnded(task: Task): boolean {
    return this.#ended.has(task);
  }

  /** The task of a step: the VMM, or a child. */
  task(name: string | undefined): Task {
    return name === undefined ? this.vmm : this.tasks.get(name)!;
  }
}

function must<T>(result: T): Exclude<T, { errno: string }> {
  if (isRefusal(result)) throw new Error(`setting up the machine: ${result.toString()}`);
  return result as Exclude<T, { errno: string }>;
}
