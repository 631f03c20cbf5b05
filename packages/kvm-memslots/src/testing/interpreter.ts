import { Store } from "@kvmm/interleave";
import {
  close,
  dup,
  FallocFlag,
  fallocate,
  ftruncate,
  Host,
  hostAccess,
  isRefusal,
  Madv,
  MapFlag,
  madvise,
  memfdCreate,
  mmap,
  mprotect,
  munmap,
  NotModelled,
  OpenFlag,
  open,
  openConsole,
  PAGE_SIZE,
  Prot,
  type Result,
  type Task,
} from "@kvmm/mm-core";
import {
  guestAccess,
  type KvmIoctl,
  KvmModule,
  kvmIoctl,
  openKvm,
  type PageRuns,
  referenceArchitecture,
  type UserMemoryRegion,
  Vcpu,
} from "../index.js";

/** A recording, as far as this interpreter looks at it (recordings/FORMAT.md). */
export interface Recording {
  readonly id: string;
  readonly traced?: boolean;
  readonly steps: readonly {
    readonly call: string;
    readonly args?: Args;
    readonly as?: string;
    readonly task?: string;
  }[];
  readonly observed: readonly Record<string, unknown>[];
}

type Args = Readonly<Record<string, unknown>>;
type Seen = Record<string, unknown>;

const FLAGS: Readonly<Record<string, number>> = {
  KVM_MEM_LOG_DIRTY_PAGES: 1,
  KVM_MEM_READONLY: 2,
  KVM_MEM_GUEST_MEMFD: 4,
  GUEST_MEMFD_FLAG_MMAP: 1,
  GUEST_MEMFD_FLAG_INIT_SHARED: 2,
  FALLOC_FL_KEEP_SIZE: FallocFlag.keepSize,
  FALLOC_FL_PUNCH_HOLE: FallocFlag.punchHole,
  MAP_SHARED: MapFlag.shared,
  MAP_SHARED_VALIDATE: MapFlag.sharedValidate,
  MAP_PRIVATE: MapFlag.private,
  MAP_FIXED: MapFlag.fixed,
  MAP_ANONYMOUS: MapFlag.anonymous,
  MAP_FIXED_NOREPLACE: MapFlag.fixedNoreplace,
  MFD_ALLOW_SEALING: 2,
  O_RDONLY: OpenFlag.rdonly,
  O_RDWR: OpenFlag.rdwr,
  KVM_MEMORY_ATTRIBUTE_PRIVATE: 8,
};

const ADVICE: Readonly<Record<string, number>> = {
  MADV_DONTNEED: Madv.dontneed,
  MADV_HUGEPAGE: Madv.hugepage,
  MADV_NOHUGEPAGE: Madv.nohugepage,
};

const PROT: Readonly<Record<string, number>> = { r: Prot.read, w: Prot.write, x: Prot.exec };

const UNITS: Readonly<Record<string, bigint>> = { p: 4096n, K: 1n << 10n, M: 1n << 20n, G: 1n << 30n };

/** Runs recordings on this package with its reference MMU, as far as mm-core and it know the calls. */
export class Interpreter {
  readonly #task: Task;
  readonly #names = new Map<string, number>();
  #lastDirty: PageRuns = [];

  constructor() {
    const host = new Host(new Store());
    this.#task = host.spawn("vmm");
    openConsole(this.#task);
    const module = new KvmModule(host, { architecture: referenceArchitecture() });
    this.#names.set("kvm", openKvm(this.#task, module));
    this.#names.set("vm", this.#ioctl("kvm", { request: "KVM_CREATE_VM" }));
    this.#names.set("vcpu", this.#ioctl("vm", { request: "KVM_CREATE_VCPU" }));
    const program = 0x7000_0000_0000;
    this.#mmap({
      addr: program,
      length: "2p",
      prot: "rw",
      flags: ["MAP_PRIVATE", "MAP_FIXED", "MAP_ANONYMOUS"],
    });
    const region = { slot: 30, guestPhysAddr: 0x1_0000, memorySize: 2 * PAGE_SIZE, userspaceAddr: program };
    this.#ioctl("vm", { request: "KVM_SET_USER_MEMORY_REGION", arg: region });
  }

  #ioctl(on: string, call: KvmIoctl): number {
    const result = kvmIoctl(this.#task, this.#names.get(on)!, call);
    if (isRefusal(result)) throw new Error(`set-up: ${result}`);
    return result.ret;
  }

  /** What each step gives. @throws NotModelled */
  run(recording: Recording): Seen[] {
    return recording.steps.map((step) => {
      if (step.task !== undefined) throw new NotModelled("children");
      return this.#step(step.call, step.args ?? {}, step.as);
    });
  }

  #step(call: string, args: Args, as: string | undefined): Seen {
    const result = this.#call(call, args);
    if (isRefusal(result)) return { errno: result.errno };
    if (typeof result === "object") return { ret: 0, ...result };
    if (as !== undefined) this.#names.set(as, result);
    const named =
      as !== undefined || call === "mmap" || call === "KVM_CREATE_GUEST_MEMFD" || call === "KVM_CREATE_VM";
    return { ret: named ? 0 : result };
  }

  #call(call: string, args: Args): Result<number | Seen> {
    const task = this.#task;
    switch (call) {
      case "mmap":
        return this.#mmap(args);
      case "munmap":
        return munmap(task, this.#number(args["addr"]), this.#number(args["length"]));
      case "mprotect":
        return mprotect(
          task,
          this.#number(args["addr"]),
          this.#number(args["length"]),
          this.#prot(args["prot"]),
        );
      case "madvise":
        return madvise(
          task,
          this.#number(args["addr"]),
          this.#number(args["length"]),
          this.#advice(args["advice"]),
        );
      case "close":
        return close(task, this.#number(args["fd"]));
      case "dup":
        return dup(task, this.#number(args["fd"]));
      case "open":
        if (args["path"] === undefined) throw new NotModelled("open of /proc/self/fd");
        return open(task, String(args["path"]), this.#flags(args["flags"]));
      case "memfd_create":
        return memfdCreate(task, this.#flags(args["flags"]));
      case "ftruncate":
        return ftruncate(
          task,
          this.#number(args["fd"]),
          Number(BigInt.asIntN(64, this.#value(args["length"]))),
        );
      case "fallocate": {
        const signed = (name: string) => Number(BigInt.asIntN(64, this.#value(args[name])));
        const mode = this.#flags(args["mode"]);
        return fallocate(task, this.#number(args["fd"]), mode, signed("offset"), signed("length"));
      }
      case "vcpu_read":
      case "vcpu_write":
        return this.#guest(call === "vcpu_write", args);
      case "host_read":
      case "host_write":
        return this.#host(call === "host_write", args);
      default:
        return this.#kvm(call, args);
    }
  }

  #mmap(args: Args): Result<number> {
    return mmap(this.#task, {
      addr: this.#number(args["addr"]),
      length: this.#number(args["length"]),
      prot: this.#prot(args["prot"]),
      flags: this.#flags(args["flags"]),
      fd: args["fd"] === undefined ? -1 : this.#number(args["fd"]),
      offset: this.#number(args["offset"]),
    });
  }

  #kvm(call: string, args: Args): Result<number | Seen> {
    const on = String(
      args["on"] ?? (call === "KVM_CREATE_VM" ? "kvm" : call === "KVM_PRE_FAULT_MEMORY" ? "vcpu" : "vm"),
    );
    const result = kvmIoctl(this.#task, this.#names.get(on)!, this.#request(call, args));
    if (isRefusal(result)) return result;
    if (result.dirty === undefined) return result.ret;
    this.#lastDirty = result.dirty;
    return { bitmap: result.dirty };
  }

  #request(call: string, args: Args): KvmIoctl {
    const argp = args["argp"] === undefined ? undefined : { argp: this.#value(args["argp"]) };
    const value = (name: string) => this.#value(args[name]);
    switch (call) {
      case "KVM_CREATE_VM":
        return { request: call };
      case "KVM_CREATE_GUEST_MEMFD":
        return { request: call, arg: argp ?? { size: value("size"), flags: this.#flags(args["flags"]) } };
      case "KVM_SET_USER_MEMORY_REGION":
      case "KVM_SET_USER_MEMORY_REGION2":
        return { request: call, arg: argp ?? this.#region(args) };
      case "KVM_CHECK_EXTENSION":
        return { request: call, extension: String(args["extension"]) };
      case "KVM_ENABLE_CAP": {
        const values = (args["args"] as readonly unknown[]).map((arg) => this.#value(arg));
        return { request: call, arg: { cap: String(args["cap"]), args: values } };
      }
      case "KVM_GET_DIRTY_LOG": {
        const bad = args["dirty_bitmap"];
        const dirtyBitmap = bad === undefined ? {} : { dirtyBitmap: this.#value(bad) };
        return { request: call, arg: { slot: value("slot"), ...dirtyBitmap } };
      }
      case "KVM_CLEAR_DIRTY_LOG":
        return {
          request: call,
          arg: {
            slot: value("slot"),
            firstPage: value("first_page"),
            numPages: value("num_pages"),
            dirtyBitmap: this.#clearedPages(args["dirty_bitmap"]),
          },
        };
      case "KVM_PRE_FAULT_MEMORY":
        return { request: call, arg: { gpa: value("gpa"), size: value("size") } };
      case "KVM_SET_MEMORY_ATTRIBUTES":
        return { request: call, arg: { address: value("address"), size: value("size"), attributes: 0 } };
      default:
        throw new NotModelled(call);
    }
  }

  #clearedPages(bitmap: unknown): PageRuns | bigint {
    if (bitmap === "ones") return [[0, Number.MAX_SAFE_INTEGER]];
    return bitmap === "as_read" ? this.#lastDirty : this.#value(bitmap);
  }

  #region(args: Args): UserMemoryRegion {
    return {
      slot: this.#value(args["slot"]),
      flags: this.#flags(args["flags"]),
      guestPhysAddr: this.#value(args["guest_phys_addr"]),
      memorySize: this.#value(args["memory_size"]),
      userspaceAddr: this.#value(args["userspace_addr"]),
      guestMemfd: this.#value(args["guest_memfd"]),
      guestMemfdOffset: this.#value(args["guest_memfd_offset"]),
    };
  }

  #guest(write: boolean, args: Args): Seen {
    const vcpu = this.#task.process.file(this.#names.get("vcpu")!)!.data;
    if (!(vcpu instanceof Vcpu)) throw new Error("no vCPU");
    const gpa = this.#number(args["gpa"]);
    const exits: Groups = new Map();
    const faults: Groups = new Map();
    let value: number | undefined;
    const count = this.#number(args["length"]) / PAGE_SIZE;
    const stride = args["stride"] === undefined ? 1 : this.#number(args["stride"]) / PAGE_SIZE;
    for (let page = 0; page < count; page += stride) {
      const word = Number(this.#value(args["value"] ?? 0x5a5a5a5a));
      const access = guestAccess(vcpu, gpa + page * PAGE_SIZE, write ? "write" : "read", word);
      if (page === 0) value = access.value;
      for (const fault of access.faults) addPage(faults, page, fault);
      if (access.exit === undefined) continue;
      const { errno, reason, signal, code } = access.exit;
      addPage(exits, page, {
        ...(errno !== undefined && { errno }),
        ...(reason !== undefined && { exit: reason }),
        ...(signal !== undefined && { signal }),
        ...(code !== undefined && { code }),
      });
    }
    return {
      faults: [...faults.values()],
      ...(exits.size > 0 && { exits: [...exits.values()] }),
      ...(!write && value !== undefined && { value: `0x${value.toString(16)}` }),
    };
  }

  #host(write: boolean, args: Args): Seen {
    const addr = this.#number(args["addr"]);
    const signals: Groups = new Map();
    let value: number | undefined;
    for (let page = 0; page < this.#number(args["length"]) / PAGE_SIZE; page++) {
      const word = write ? Number(this.#value(args["value"] ?? 0x5a5a5a5a)) : undefined;
      const access = hostAccess(this.#task, addr + page * PAGE_SIZE, word);
      if ("signal" in access) addPage(signals, page, { signal: access.signal });
      else if ("value" in access && page === 0) value = access.value;
    }
    return {
      ...(signals.size > 0 && { signals: [...signals.values()] }),
      ...(!write && value !== undefined && { value: `0x${value.toString(16)}` }),
    };
  }

  #number(value: unknown): number {
    return Number(this.#value(value));
  }

  #flags(value: unknown): number {
    const list = (value ?? []) as readonly unknown[];
    return list.reduce<number>((all, flag) => {
      const bits = typeof flag === "string" && !flag.startsWith("0x") ? FLAGS[flag] : Number(flag);
      if (bits === undefined) throw new NotModelled(String(flag));
      return all + bits;
    }, 0);
  }

  #advice(value: unknown): number {
    const advice = ADVICE[String(value)];
    if (advice === undefined) throw new NotModelled(String(value));
    return advice;
  }

  #prot(value: unknown): number {
    if (typeof value === "number") return value;
    const text = String(value);
    if (text === "none") return 0;
    return [...text].reduce<number>((all, letter) => all | PROT[letter]!, 0);
  }

  /** A number of the recordings: terms joined by + or -. */
  #value(value: unknown): bigint {
    if (value === undefined) return 0n;
    if (typeof value === "number") return BigInt.asUintN(64, BigInt(value));
    let sum = 0n;
    for (const [, sign, term] of String(value).matchAll(/([+-]?)([^+-]+)/g)) {
      sum += (sign === "-" ? -1n : 1n) * this.#term(term!);
    }
    return BigInt.asUintN(64, sum);
  }

  #term(term: string): bigint {
    const number = /^(0x[0-9a-f]+|[0-9]+)([pKMG]?)$/i.exec(term);
    if (number !== null) return BigInt(number[1]!) * (UNITS[number[2]!] ?? 1n);
    const named = this.#names.get(term);
    if (named === undefined) throw new Error(`unknown name ${term}`);
    return BigInt(named);
  }
}

/** Pages with the same outcome, by that outcome. */
type Groups = Map<string, { pages: [number, number][] }>;

function addPage(groups: Groups, page: number, what: object): void {
  const key = JSON.stringify(what);
  const group = groups.get(key);
  if (group === undefined) groups.set(key, { pages: [[page, page + 1]], ...what });
  else if (group.pages.at(-1)![1] === page) group.pages.at(-1)![1] = page + 1;
  else group.pages.push([page, page + 1]);
}
