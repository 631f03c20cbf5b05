import { arm64 } from "@kvmm/arm64-stage2";
import { Store } from "@kvmm/interleave";
import {
  type Kvm,
  type KvmIoctl,
  KvmModule,
  kvmIoctl,
  openKvm,
  referenceArchitecture,
} from "@kvmm/kvm-memslots";
import {
  Host,
  isRefusal,
  MapFlag,
  madvise,
  memfdCreate,
  mmap,
  mprotect,
  munmap,
  openConsole,
  type Result,
  type Task,
} from "@kvmm/mm-core";
import { guestMemfdFlags, memoryAttributes, memslotFlags } from "../format/constants/kvm.js";
import { advices, mmapFlags } from "../format/constants/mman.js";
import type { Architecture } from "../format/machine.js";
import type { Behaviour } from "../kernels/behaviour.js";
import { bitsOf, requestOf, type TracedCall, type TracedValue } from "./traced-call.js";

const PROTECTIONS = { PROT_NONE: 0, PROT_READ: 1, PROT_WRITE: 2, PROT_EXEC: 4 };

/** The flags of a mapping that is there that say what it is; where it lies is known. */
const KINDS = MapFlag.type | MapFlag.anonymous;

/** A VM that a trace has made. */
export interface TracedVm {
  /** Its descriptor in the trace. */
  readonly fd: number;
  readonly line: number;
  readonly kvm: Kvm;
  /** False: it was made before the trace began. */
  readonly seen: boolean;
}

/** Makes a VMM's traced calls once more on the model, under the model's own descriptors. */
export class VmmReplay {
  readonly vms: TracedVm[] = [];
  readonly task: Task;
  readonly #store = new Store();
  readonly #kvmFd: number;
  /** The model's descriptor of something that bears no relation to KVM. */
  readonly #otherFd: number;
  /** By descriptor of the trace: the model's. */
  readonly #fds = new Map<number, number>();
  /** Those of guest_memfds, the only files whose mappings the model has to know. */
  readonly #gmems = new Set<number>();

  constructor(arch: Architecture, behaviour: Behaviour) {
    const host = new Host(this.#store, { nodes: 1, behaviour: behaviour.mm });
    const module = new KvmModule(host, {
      architecture: arch === "x86" ? referenceArchitecture({ arch }) : arm64({ behaviour: behaviour.arm64 }),
      behaviour: behaviour.kvm,
    });
    this.task = host.spawn("vmm");
    openConsole(this.task);
    this.#kvmFd = openKvm(this.task, module);
    this.#otherFd = this.#must(memfdCreate(this.task, 0));
  }

  /**
   * Makes a call. What the kernel refused leaves the model as it was, also where the model would have accepted it.
   * @returns what the model says; undefined for a call that it does not make
   */
  call(traced: TracedCall): Result<unknown> | undefined {
    const mark = this.#store.mark();
    const result = traced.name === "ioctl" ? this.#ioctl(traced) : this.#memory(traced);
    const refused = traced.errno !== undefined;
    if (refused && result !== undefined && !isRefusal(result)) this.#store.rollback(mark);
    return result;
  }

  #ioctl(traced: TracedCall): Result<unknown> | undefined {
    const fd = Number(bitsOf(traced.args[0]) ?? -1n);
    const request = requestOf(traced);
    const argument = traced.args[2];
    if (request === "KVM_CREATE_VM") {
      const type = bitsOf(argument) ?? 0n;
      const made = kvmIoctl(this.task, this.#kvmFd, { request, type });
      if (!isRefusal(made) && traced.ret !== undefined)
        this.#addVm(Number(traced.ret), made.ret, traced.line, true);
      return made;
    }
    const call = ioctlOf(request, argument, (wanted) => this.#fd(wanted));
    if (call === undefined) return undefined;
    if (request !== "KVM_PRE_FAULT_MEMORY" && !this.#fds.has(fd)) this.#vmFromBefore(fd, traced.line);
    const result = kvmIoctl(this.task, this.#fd(fd), call);
    if (isRefusal(result) || traced.ret === undefined) return result;
    const given = Number(traced.ret);
    if (request === "KVM_CREATE_VCPU") this.#fds.set(given, result.ret);
    if (request === "KVM_CREATE_GUEST_MEMFD") {
      this.#fds.set(given, result.ret);
      this.#gmems.add(given);
    }
    return result;
  }

  #memory({ name, args, ret, errno }: TracedCall): Result<unknown> | undefined {
    const number = (at: number, names: Readonly<Record<string, number>> = {}) =>
      Number(bitsOf(args[at], names) ?? 0n);
    const { task } = this;
    switch (name) {
      case "mmap": {
        const flags = number(3, mmapFlags);
        const gmem = this.#gmems.has(number(4));
        // Of any other file no more is known than that it is one.
        const fd = gmem || number(4) < 0 ? this.#fd(number(4)) : this.#otherFd;
        const offset = fd === this.#otherFd ? 0 : number(5);
        const what = { length: number(1), prot: number(2, PROTECTIONS), offset, fd };
        if (errno !== undefined) return mmap(task, { ...what, addr: number(0), flags });
        return mmap(task, { ...what, addr: Number(ret), flags: (flags & KINDS) | MapFlag.fixed });
      }
      case "munmap":
        return munmap(task, number(0), number(1));
      case "madvise":
        return errno === undefined ? undefined : madvise(task, number(0), number(1), number(2, advices));
      case "mprotect":
        return mprotect(task, number(0), number(1), number(2, PROTECTIONS));
      default:
        return undefined;
    }
  }

  #fd(traced: number): number {
    return traced < 0 ? traced : (this.#fds.get(traced) ?? this.#otherFd);
  }

  #vmFromBefore(fd: number, line: number): void {
    const made = this.#must(kvmIoctl(this.task, this.#kvmFd, { request: "KVM_CREATE_VM" }));
    this.#addVm(fd, made.ret, line, false);
  }

  #addVm(fd: number, own: number, line: number, seen: boolean): void {
    this.#fds.set(fd, own);
    this.vms.push({ fd, line, seen, kvm: this.task.process.file(own)!.data as Kvm });
  }

  #must<T>(result: Result<T>): T {
    if (isRefusal(result)) throw new Error(`setting up the machine: ${result}`);
    return result;
  }
}

/** The ioctl with its structure; undefined where it is none about memory, or strace has not decoded it. */
function ioctlOf(
  request: string,
  argument: TracedValue | undefined,
  fd: (traced: number) => number,
): KvmIoctl | undefined {
  if (request === "KVM_CREATE_VCPU") return { request, id: Number(bitsOf(argument) ?? 0n) };
  if (argument?.kind !== "struct") return undefined;
  const field = (name: string, names: Readonly<Record<string, number>> = {}) =>
    bitsOf(argument.fields.get(name), names) ?? 0n;
  switch (request) {
    case "KVM_SET_USER_MEMORY_REGION":
    case "KVM_SET_USER_MEMORY_REGION2": {
      const region = {
        slot: field("slot"),
        flags: field("flags", memslotFlags),
        guestPhysAddr: field("guest_phys_addr"),
        memorySize: field("memory_size"),
        userspaceAddr: field("userspace_addr"),
      };
      if (request === "KVM_SET_USER_MEMORY_REGION") return { request, arg: region };
      const guestMemfd = fd(Number(BigInt.asIntN(32, field("guest_memfd"))));
      return { request, arg: { ...region, guestMemfd, guestMemfdOffset: field("guest_memfd_offset") } };
    }
    case "KVM_CREATE_GUEST_MEMFD":
      return { request, arg: { size: field("size"), flags: field("flags", guestMemfdFlags) } };
    case "KVM_SET_MEMORY_ATTRIBUTES": {
      const attributes = field("attributes", memoryAttributes);
      return {
        request,
        arg: { address: field("address"), size: field("size"), attributes, flags: field("flags") },
      };
    }
    case "KVM_PRE_FAULT_MEMORY":
      return { request, arg: { gpa: field("gpa"), size: field("size"), flags: field("flags") } };
    default:
      return undefined;
  }
}
