import { Cell, Shared } from "@kvmm/interleave";
import type { Node } from "./addresses.js";
import type { OpenFile } from "./file.js";
import type { Host } from "./host.js";
import type { Mempolicy } from "./mempolicy.js";
import type { Mm } from "./mm.js";

/** What the threads of a process share: the address space and the descriptors. */
export class Process extends Shared {
  /** Descriptor table, by number. */
  readonly files: Cell<readonly (OpenFile | null)[]>;

  /** Descriptors that are closed on exec. */
  readonly closeOnExec: Cell<readonly number[]>;

  /** Dying: it was killed (SIGNAL_GROUP_EXIT), and makes no call any more, but still has its memory. */
  readonly life: Cell<"running" | "dying" | "exited">;

  constructor(
    readonly host: Host,
    name: string,
    readonly pid: number,
    readonly mm: Mm,
  ) {
    super(host.store, name);
    this.life = new Cell<"running" | "dying" | "exited">(host.store, `${name} exit state`, "running");
    this.files = new Cell<readonly (OpenFile | null)[]>(host.store, `${name} files`, []);
    this.closeOnExec = new Cell<readonly number[]>(host.store, `${name} close_on_exec`, []);
  }

  /** fget() without the reference: the open file behind a descriptor. */
  file(fd: number): OpenFile | null {
    return this.files.get()[fd] ?? null;
  }

  /** fd_install() at the lowest free number. */
  install(file: OpenFile): number {
    const files = this.files.get();
    const hole = files.indexOf(null);
    const fd = hole < 0 ? files.length : hole;
    this.files.update((old) => (fd === old.length ? [...old, file] : old.with(fd, file)));
    return fd;
  }

  override restore(): void {}
}

/** A thread: current. */
export class Task extends Shared {
  /** CPU it runs on. */
  readonly cpu: Cell<number>;
  /** set_mempolicy(); null is the default. */
  readonly mempolicy: Cell<Mempolicy | null>;

  constructor(
    readonly process: Process,
    name: string,
    readonly pid: number,
    cpu: number,
  ) {
    super(process.host.store, name);
    this.cpu = new Cell(process.host.store, `${name} cpu`, cpu);
    this.mempolicy = new Cell<Mempolicy | null>(process.host.store, `${name}->mempolicy`, null);
  }

  get mm(): Mm {
    return this.process.mm;
  }

  /** numa_node_id() */
  get node(): Node {
    return this.process.host.nodeOfCpu(this.cpu.get());
  }

  override restore(): void {}
}
