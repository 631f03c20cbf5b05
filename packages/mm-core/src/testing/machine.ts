import { Store } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn } from "../addresses.js";
import { isRefusal, type Result } from "../errno.js";
import { Host, type HostOptions } from "../host.js";
import { leafAt, leafPage } from "../leaf.js";
import type { NotifierRange } from "../notifier.js";
import { PteFlag, pteHas } from "../pte.js";
import { MapFlag, mmap, Prot } from "../syscalls/mmap.js";
import type { Task } from "../task.js";
import { NotifierRecorder } from "./notifier-recorder.js";

/** What the hardware may do at an address. */
export interface Access {
  readonly pfn: Pfn;
  readonly write: boolean;
}

/** A host with one process, whose address space is listened to. */
export class Machine {
  readonly store = new Store();
  readonly host: Host;
  readonly task: Task;
  readonly notifier: NotifierRecorder;

  constructor(options: HostOptions = {}) {
    this.host = new Host(this.store, options);
    this.task = this.host.spawn("vmm");
    this.notifier = new NotifierRecorder(this.store);
    this.task.mm.notifiers.set([this.notifier]);
  }

  /** Frames in use on all nodes. */
  get used(): number {
    let used = 0;
    for (let node = 0; node < this.host.nodes; node++) used += this.host.frames.used(node);
    return used;
  }

  /** Private anonymous memory at an address, readable and writable. */
  mapAnon(addr: Hva, length: number): Hva {
    return ok(
      mmap(this.task, { addr, length, prot: Prot.read | Prot.write, flags: ANON, fd: -1, offset: 0 }),
    );
  }

  /** What the page table allows at each page of a range; null where nothing. */
  accesses(start: Hva, pages: number): readonly (Access | null)[] {
    return Array.from({ length: pages }, (_, page) => {
      const address = start + page * PAGE_SIZE;
      const leaf = leafAt(this.task.mm, address);
      if (leaf === null || !pteHas(leaf.pte, PteFlag.valid)) return null;
      return { pfn: leafPage(leaf, address), write: pteHas(leaf.pte, PteFlag.write) };
    });
  }

  /** Bytes that the entry of each page maps; 0 where none is. */
  sizes(start: Hva, pages: number): readonly number[] {
    return Array.from({ length: pages }, (_, page) => {
      const leaf = leafAt(this.task.mm, start + page * PAGE_SIZE);
      return leaf === null ? 0 : [PAGE_SIZE, 2 ** 21, 2 ** 30, 2 ** 39][leaf.table.level]!;
    });
  }
}

const ANON = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;

/** The value of a call that must not fail. */
export function ok<T>(result: Result<T>): T {
  if (isRefusal(result)) throw new Error(result.toString());
  return result;
}

/** A page that lost something which a secondary MMU may have copied, without having been told; undefined: none. */
export function untold(
  before: readonly (Access | null)[],
  after: readonly (Access | null)[],
  start: Hva,
  raised: readonly NotifierRange[],
): number | undefined {
  const page = before.findIndex((old, at) => {
    const now = after[at]!;
    if (old === null || (now !== null && now.pfn === old.pfn && (now.write || !old.write))) return false;
    const address = start + at * PAGE_SIZE;
    return !raised.some((range) => range.start <= address && address < range.end);
  });
  return page < 0 ? undefined : page;
}
