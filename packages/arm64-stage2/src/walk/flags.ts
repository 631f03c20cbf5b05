/** enum kvm_pgtable_walk_flags: which entries a walk visits, and how it treats them. */
export const Walk = {
  /** Visit leaves; entries that are not valid are leaves too. */
  LEAF: 1 << 0,
  /** Visit tables before what they contain. */
  TABLE_PRE: 1 << 1,
  /** Visit tables after what they contain. */
  TABLE_POST: 1 << 2,
  /** Others walk at the same time: change entries by compare-and-exchange. */
  SHARED: 1 << 3,
  /** Go on where a visit returned -EAGAIN. */
  IGNORE_EAGAIN: 1 << 4,
  /** Break-before-make without invalidating TLBs: nothing can have been cached. */
  SKIP_BBM_TLBI: 1 << 5,
  /** No cache maintenance. */
  SKIP_CMO: 1 << 6,
} as const;

/** A union of {@link Walk} bits. */
export type WalkFlags = number;

const MODES = Walk.SHARED | Walk.IGNORE_EAGAIN | Walk.SKIP_BBM_TLBI | Walk.SKIP_CMO;
const ALL = MODES | Walk.LEAF | Walk.TABLE_PRE | Walk.TABLE_POST;

/** Throws a RangeError at other bits than those that say how entries are treated. */
export function checkModes(flags: WalkFlags, what: string): void {
  if ((flags & ~MODES) === 0 && Number.isInteger(flags)) return;
  throw new RangeError(
    `${what}: ${String(flags)} is no union of SHARED, IGNORE_EAGAIN, SKIP_BBM_TLBI and SKIP_CMO`,
  );
}

/** Throws a RangeError at bits that are no {@link Walk} flags. */
export function checkFlags(flags: WalkFlags, what: string): void {
  if ((flags & ~ALL) === 0 && Number.isInteger(flags)) return;
  throw new RangeError(`${what}: ${String(flags)} is no union of Walk flags`);
}
