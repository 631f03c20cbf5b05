import { arm64 } from "@kvmm/arm64-stage2";
import { Store } from "@kvmm/interleave";
import { type Kvm, KvmModule, kvmIoctl, openKvm, referenceArchitecture, Vcpu } from "@kvmm/kvm-memslots";
import { Host, isRefusal, type OpenFile, openConsole, type Result } from "@kvmm/mm-core";
import type { Architecture } from "../format/machine.js";
import type { Behaviour } from "../kernels/behaviour.js";
import { FileCalls } from "./file-calls.js";
import { kvmRequestOf } from "./kvm-request.js";
import { memoryCall } from "./memory-calls.js";
import { type MemoryMap, memoryMapOf } from "./memory-map.js";
import { bitsOf, requestOf, type TracedCall } from "./traced-call.js";
import { descriptorOf, TracedProcess, TracedProcesses } from "./traced-processes.js";

/** A VM that a trace has made. */
export interface TracedVm {
  /** Its descriptor in the trace. */
  readonly fd: number;
  readonly line: number;
  readonly kvm: Kvm;
  /** False: it was made before the trace began. */
  readonly seen: boolean;
  /** Where its last descriptor was closed, and the memory that it had until then. */
  gone?: { readonly line: number; readonly map: MemoryMap };
}

/** Makes a VMM's traced calls once more on the model, under the model's own descriptors. */
export class VmmReplay {
  readonly vms: TracedVm[] = [];
  readonly #store = new Store();
  readonly #module: KvmModule;
  readonly #processes: TracedProcesses;
  readonly #files = new FileCalls();
  readonly #kvmFd: number;
  /** The model's descriptor of something that bears no relation to KVM. */
  readonly #otherFd: number;

  constructor(arch: Architecture, behaviour: Behaviour, traced: readonly TracedCall[]) {
    const host = new Host(this.#store, { nodes: 1, behaviour: behaviour.mm });
    this.#module = new KvmModule(host, {
      architecture: arch === "x86" ? referenceArchitecture({ arch }) : arm64({ behaviour: behaviour.arm64 }),
      behaviour: behaviour.kvm,
    });
    const vmm = new TracedProcess(host.spawn("vmm"));
    this.#processes = new TracedProcesses(vmm, traced);
    openConsole(vmm.task);
    this.#kvmFd = openKvm(vmm.task, this.#module);
    this.#otherFd = this.#files.foreign(vmm, "a file");
  }

  /**
   * Makes a call. What the kernel refused leaves the model as it was, also where the model would have accepted it.
   * @returns what the model says; undefined for a call that it does not make
   */
  call(traced: TracedCall): Result<unknown> | undefined {
    const process = this.#processes.of(traced);
    if (process === null) return undefined;
    if (traced.errno === undefined) return this.#make(process, traced);
    const mark = this.#store.mark();
    const result = this.#make(process, traced);
    if (result !== undefined && !isRefusal(result)) this.#store.rollback(mark);
    this.#store.commit();
    return result;
  }

  mapOf({ kvm, gone }: TracedVm): MemoryMap {
    return gone?.map ?? memoryMapOf(kvm, kvm.mm, { nameOf: (file) => this.#nameOf(file) });
  }

  #nameOf(file: OpenFile): string {
    return this.#files.names.get(file) ?? file.ops.kind;
  }

  #make(process: TracedProcess, traced: TracedCall): Result<unknown> | undefined {
    if (traced.name === "ioctl") return this.#ioctl(process, traced);
    const before = traced.name === "close" ? this.#aboutToGo() : [];
    const result =
      memoryCall(process, traced, (fd) => this.#mappable(process, fd)) ??
      this.#files.call(process, traced, () => openKvm(process.task, this.#module));
    for (const { vm, map } of before)
      if (vm.kvm.usersCount.peek() === 0) vm.gone = { line: traced.line, map };
    return result;
  }

  /** VMs that nobody but one descriptor keeps, with their memory. */
  #aboutToGo(): readonly { readonly vm: TracedVm; readonly map: MemoryMap }[] {
    return this.vms
      .filter(({ kvm, gone }) => gone === undefined && kvm.usersCount.peek() === 1)
      .map((vm) => ({ vm, map: this.mapOf(vm) }));
  }

  #ioctl(process: TracedProcess, traced: TracedCall): Result<unknown> | undefined {
    const { task } = process;
    const fd = descriptorOf(traced, 0);
    const request = requestOf(traced);
    const argument = traced.args[2];
    const given = traced.ret === undefined ? undefined : Number(traced.ret);
    if (request === "KVM_CREATE_VM") {
      const made = kvmIoctl(task, this.#kvmFd, { request, type: bitsOf(argument) ?? 0n });
      if (!isRefusal(made) && given !== undefined) this.#addVm(process, given, made.ret, traced.line, true);
      return made;
    }
    const call = kvmRequestOf(request, argument, (wanted) => this.#own(process, wanted));
    if (call === undefined) return undefined;
    // What is mapped ahead of the guest's faults does not show in a memory map.
    if (call.request === "KVM_PRE_FAULT_MEMORY" && given !== undefined) return undefined;
    if (call.request !== "KVM_PRE_FAULT_MEMORY" && process.own(fd) === undefined)
      this.#vmFromBefore(process, fd, traced.line);
    const result = kvmIoctl(task, this.#own(process, fd), call);
    if (isRefusal(result) || given === undefined) return result;
    if (request === "KVM_CREATE_VCPU" || request === "KVM_CREATE_GUEST_MEMFD") process.set(given, result.ret);
    return result;
  }

  /** A vCPU's struct kvm_run can be mapped, and is no memory of the guest. */
  #mappable(process: TracedProcess, traced: number): number {
    return process.file(traced)?.data instanceof Vcpu ? this.#otherFd : this.#own(process, traced);
  }

  #own(process: TracedProcess, traced: number): number {
    return traced < 0 ? traced : (process.own(traced) ?? this.#otherFd);
  }

  #vmFromBefore(process: TracedProcess, fd: number, line: number): void {
    const made = kvmIoctl(process.task, this.#kvmFd, { request: "KVM_CREATE_VM" });
    if (isRefusal(made)) throw new Error(`setting up the machine: ${made}`);
    this.#addVm(process, fd, made.ret, line, false);
  }

  #addVm(process: TracedProcess, fd: number, own: number, line: number, seen: boolean): void {
    process.set(fd, own);
    this.vms.push({ fd, line, seen, kvm: process.task.process.file(own)!.data as Kvm });
  }
}
