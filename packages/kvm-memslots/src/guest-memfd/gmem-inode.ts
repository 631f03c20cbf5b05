import { Cell, Ordered, Shared } from "@kvmm/interleave";
import { type Host, Inode, type InodeTraits, type Pgoff, SharedPolicy } from "@kvmm/mm-core";
import { GUEST_MEMFD_FLAG_INIT_SHARED, GUEST_MEMFD_FLAG_MMAP } from "../flags.js";
import type { Kvm } from "../kvm.js";
import type { Memslot } from "../slots/memslot.js";
import { gmemErrorFolio } from "./error-folio.js";

/** The memory stays where it is, for as long as the file keeps it; nobody but a guest or a mapping reads it. */
const TRAITS: InodeTraits = { unevictable: true, inaccessible: true, movable: false, swapbacked: false };

/** struct gmem_inode: the memory, and its policy. */
export class GmemInode extends Inode {
  readonly policy: SharedPolicy;
  /** gmem_file_list: the view of it that each VM has. Changed under the invalidate lock. */
  readonly gmemFiles: Cell<readonly GmemFile[]>;

  constructor(
    host: Host,
    readonly flags: bigint,
    size: number,
    kvm: Kvm,
  ) {
    super(host, "guest_memfd", TRAITS, size);
    this.policy = new SharedPolicy(host.store, "guest_memfd");
    this.gmemFiles = new Cell<readonly GmemFile[]>(
      host.store,
      "guest_memfd gmem_file_list",
      [new GmemFile(kvm)],
      { lock: this.invalidateLock },
    );
  }

  /** kvm_gmem_supports_mmap() */
  get supportsMmap(): boolean {
    return (this.flags & GUEST_MEMFD_FLAG_MMAP) !== 0n;
  }

  /** ->error_remove_folio: kvm_gmem_error_folio() */
  override errorRemoveFolio(index: Pgoff): void {
    gmemErrorFolio(this, index);
  }

  /** Was it created with memory that the VMM may touch? */
  get isInitShared(): boolean {
    return (this.flags & GUEST_MEMFD_FLAG_INIT_SHARED) !== 0n;
  }
}

/** struct gmem_file: what one VM knows of a guest_memfd. */
export class GmemFile extends Shared {
  /**
   * gmem_file->bindings: the memslots, by page offset. Changed under the invalidate lock, but for a file that is on
   * its way out (7.2); read also without.
   */
  readonly bindings: Ordered<Memslot>;

  constructor(readonly kvm: Kvm) {
    super(kvm.store, "gmem_file");
    this.bindings = new Ordered(kvm.store, "gmem_file->bindings");
  }

  override restore(): void {}
}
