import { Cell, RwLock, type Store } from "@kvmm/interleave";
import { DEFAULT_MAP_WINDOW, type Hva, type Node, type Pfn } from "./addresses.js";
import { type MmBehaviour, mm72 } from "./behaviour.js";
import { Frames } from "./frames.js";
import { Hstate } from "./hugetlb/hstate.js";
import { KsmState } from "./ksm/state.js";
import { LruBatches } from "./lru-batch.js";
import { Mempolicy } from "./mempolicy.js";
import { Mm } from "./mm.js";
import { PageFlag } from "./page-flags.js";
import { Setting } from "./setting.js";
import { Swap } from "./swap.js";
import { Process, Task } from "./task.js";
import { ThpSettings, type TransparentHugepage } from "./thp/settings.js";

export interface HostOptions {
  /** NUMA nodes; default 2. CPU n is on node n modulo their number. */
  readonly nodes?: number;
  /** TASK_SIZE: where the addresses end that a process may name; default 2^52, as on the recorded machine. */
  readonly taskSize?: Hva;
  /** Bytes of memory per node; default 1 GiB. */
  readonly nodeSize?: number;
  /** Bytes of swap; default 128 MiB. */
  readonly swapSize?: number;
  /** /sys/kernel/mm/transparent_hugepage/enabled; default "madvise", as on the recorded machine. */
  readonly transparentHugepage?: TransparentHugepage;
  /** Is the multi-generational LRU switched on? Default true, as on the recorded machine. */
  readonly lruGen?: boolean;
  /** Pages of the hugetlb pools; default 12 of 2 MiB and none of 1 GiB, as on the recorded machine. */
  readonly hugetlb2M?: number;
  readonly hugetlb1G?: number;
  /** CONFIG_CROSS_MEMORY_ATTACH: process_vm_readv and process_vm_writev; default true. */
  readonly crossMemoryAttach?: boolean;
  /** CONFIG_DAMON_STAT; default true. */
  readonly damonStat?: boolean;
  readonly behaviour?: MmBehaviour;
}

/** A WARN_ON of the kernel that a path ran into: a kernel bug, not an error of the caller. */
export interface Warning {
  readonly fn: string;
  readonly text: string;
}

/** The running kernel: memory, nodes, processes. */
export class Host {
  readonly frames: Frames;
  readonly lru: LruBatches;
  readonly swap: Swap;
  readonly hasCrossMemoryAttach: boolean;
  readonly hasDamonStat: boolean;
  readonly ksm: KsmState;
  readonly behaviour: MmBehaviour;
  readonly nodes: number;
  readonly taskSize: Hva;
  /** DEFAULT_MAP_WINDOW: first address that mmap never gives without being asked. */
  readonly mapWindow: Hva;
  /** /sys/kernel/mm/lru_gen/enabled: reclaim goes by generations, not by an active and an inactive list. */
  readonly lruGenEnabled: Cell<boolean>;
  /** The frame of zeros that read faults on anonymous memory map. */
  readonly zeroPfn: Pfn;
  /** hstates[]: the pools of huge pages, the default one first. */
  readonly hstates: readonly Hstate[];
  readonly thp: ThpSettings;
  /** khugepaged_scan.mm_head: the address spaces that khugepaged looks at, in the order in which it does. */
  readonly khugepaged: Cell<readonly Mm[]>;
  /** The huge page of zeros; 0 until the first read fault that maps it. */
  readonly hugeZeroFolio: Cell<Pfn>;
  /** pin_longterm_test_pages of gup_test: what it has pinned; null: nothing. */
  readonly longtermPins: Cell<readonly Pfn[] | null>;
  /** preferred_node_policy[]: the policy of a task on each node that has set none. */
  readonly preferredNode: readonly Mempolicy[];
  /** What the kernel would have printed as WARNING. */
  readonly warnings: Cell<readonly Warning[]>;
  /**
   * Held for reading from non_block_start() to non_block_end(): who holds it must not sleep. Nobody takes it for writing,
   * so that it keeps nobody out.
   */
  readonly nonBlock: RwLock;
  readonly #lastPid: Cell<number>;

  constructor(
    readonly store: Store,
    options: HostOptions = {},
  ) {
    this.nodes = options.nodes ?? 2;
    this.taskSize = options.taskSize ?? 2 ** 52;
    this.mapWindow = Math.min(this.taskSize, DEFAULT_MAP_WINDOW);
    this.behaviour = options.behaviour ?? mm72;
    this.frames = new Frames(store, this.nodes, Math.floor((options.nodeSize ?? 2 ** 30) / 4096));
    this.lru = new LruBatches(store, this.frames, this.nodes);
    this.hasCrossMemoryAttach = options.crossMemoryAttach ?? true;
    this.hasDamonStat = options.damonStat ?? true;
    this.ksm = new KsmState(store);
    this.swap = new Swap(store, Math.floor((options.swapSize ?? 2 ** 27) / 4096));
    this.lruGenEnabled = new Setting<boolean>(store, "lru_gen/enabled", options.lruGen ?? true);
    this.zeroPfn = this.frames.alloc(0)!;
    this.frames.mark(this.zeroPfn, PageFlag.uptodate);
    // The largest pages first, while memory is in one piece.
    const gigantic = new Hstate(store, this.frames, 18, options.hugetlb1G ?? 0);
    this.hstates = [new Hstate(store, this.frames, 9, options.hugetlb2M ?? 12), gigantic];
    this.frames.freeHugeFolio = (folio) => this.hstateOf(folio).release(folio);
    this.thp = new ThpSettings(store, options.transparentHugepage ?? "madvise");
    this.khugepaged = new Setting<readonly Mm[]>(store, "khugepaged_scan.mm_head", []);
    this.hugeZeroFolio = new Cell<Pfn>(store, "huge_zero_folio", 0);
    this.nonBlock = new RwLock(store, "non_block_start()");
    this.longtermPins = new Cell<readonly Pfn[] | null>(store, "pin_longterm_test_pages", null);
    this.#lastPid = new Cell(store, "pid allocator", 999);
    this.warnings = new Cell<readonly Warning[]>(store, "kernel log", []);
    this.preferredNode = Array.from(
      { length: this.nodes },
      (_, node) => new Mempolicy(store, "MPOL_PREFERRED", [node], true, true, 0),
    );
  }

  /** folio_hstate(): the pool that a page of hugetlb belongs to. */
  hstateOf(folio: Pfn): Hstate {
    return this.hstates.find(({ order }) => order === this.frames.order(folio))!;
  }

  nodeOfCpu(cpu: number): Node {
    return cpu % this.nodes;
  }

  /** A process with one thread, on a CPU. */
  spawn(name: string, cpu = 0): Task {
    const pid = this.nextPid();
    const process = new Process(this, name, pid, new Mm(this, `${name}->mm`));
    return new Task(process, name, pid, cpu);
  }

  /** alloc_pid() */
  nextPid(): number {
    return this.#lastPid.update((pid) => pid + 1);
  }

  /** WARN_ON_ONCE(): noted, once per place. */
  warn(fn: string, text: string): void {
    this.warnings.update((old) =>
      old.some((w) => w.fn === fn && w.text === text) ? old : [...old, { fn, text }],
    );
    this.store.trace(fn, () => `WARNING: ${text}`);
  }
}
