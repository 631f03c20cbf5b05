import { Cell, Mutex, Shared } from "@kvmm/interleave";
import type { Hva, Pgoff } from "../addresses.js";
import { type OpenFile, pgoffOf } from "../file.js";
import type { Host } from "../host.js";
import { SharedPolicy } from "../mempolicy.js";
import type { VmaFields } from "../vma.js";
import type { Hstate } from "./hstate.js";
import { ResvMap } from "./resv-map.js";

/** struct hugetlbfs_inode_info, and what else a file of huge pages keeps besides them. */
export class HugetlbInfo extends Shared {
  /** {@link Seal} */
  readonly seals: Cell<number>;
  readonly policy: SharedPolicy;
  /** inode_resv_map() */
  readonly reserve: ResvMap;
  /** hugetlb_fault_mutex_table[]: one mutex per file, where the kernel has some for all pages of all files. */
  readonly faultMutex: Mutex;

  constructor(
    host: Host,
    name: string,
    readonly hstate: Hstate,
    seals: number,
  ) {
    super(host.store, `${name} hugetlbfs_inode_info`);
    this.seals = new Cell(host.store, `${name} seals`, seals);
    this.policy = new SharedPolicy(host.store, name);
    this.reserve = new ResvMap(host.store, name);
    this.faultMutex = new Mutex(host.store, `${name} hugetlb_fault_mutex`);
  }

  override restore(): void {}
}

/** What is known of the file of a hugetlb mapping. */
export function hugetlbInfo(file: OpenFile): HugetlbInfo {
  return file.data as HugetlbInfo;
}

/** hstate_vma() */
export function hstateOf(fields: VmaFields): Hstate {
  return hugetlbInfo(fields.file!).hstate;
}

/** vma_hugecache_offset(): which huge page of the file an address of a mapping is. */
export function hugeIndex(fields: VmaFields, address: Hva): number {
  return hugeIndexOf(pgoffOf(fields, address), hstateOf(fields));
}

export function hugeIndexOf(pgoff: Pgoff, hstate: Hstate): number {
  return Math.floor(pgoff / hstate.pages);
}
