import { Cell, Shared } from "@kvmm/interleave";
import type { Mm } from "../mm.js";
import { isAnonymous, type VmaFields, VmFlag } from "../vma.js";

/** UFFD_FEATURE_* */
export const UffdFeature = {
  pagefaultFlagWp: 1 << 0,
  eventFork: 1 << 1,
  eventRemap: 1 << 2,
  eventRemove: 1 << 3,
  missingHugetlbfs: 1 << 4,
  missingShmem: 1 << 5,
  eventUnmap: 1 << 6,
  sigbus: 1 << 7,
  threadId: 1 << 8,
  minorHugetlbfs: 1 << 9,
  minorShmem: 1 << 10,
  exactAddress: 1 << 11,
  wpHugetlbfsShmem: 1 << 12,
  wpUnpopulated: 1 << 13,
  poison: 1 << 14,
  wpAsync: 1 << 15,
  move: 1 << 16,
} as const;

/** __VM_UFFD_FLAGS */
export const UFFD_FLAGS = VmFlag.uffdMissing | VmFlag.uffdWp | VmFlag.uffdMinor;

/** struct userfaultfd_ctx */
export class Userfaultfd extends Shared {
  /** {@link UffdFeature}; null before UFFDIO_API. */
  readonly features: Cell<number | null>;

  constructor(readonly mm: Mm) {
    super(mm.host.store, "userfaultfd_ctx");
    this.features = new Cell<number | null>(mm.host.store, "userfaultfd_ctx->features", null);
  }

  has(feature: number): boolean {
    return ((this.features.get() ?? 0) & feature) !== 0;
  }

  override restore(): void {}
}

/** userfaultfd_wp_async() */
export function isWpAsync({ uffd }: VmaFields): boolean {
  return uffd instanceof Userfaultfd && uffd.has(UffdFeature.wpAsync);
}

/** userfaultfd_wp_use_markers(): does write protection also hold for what is not mapped yet? */
export function usesMarkers(fields: VmaFields): boolean {
  if ((fields.flags & VmFlag.uffdWp) === 0) return false;
  if (!isAnonymous(fields)) return true;
  return fields.uffd instanceof Userfaultfd && fields.uffd.has(UffdFeature.wpUnpopulated);
}
