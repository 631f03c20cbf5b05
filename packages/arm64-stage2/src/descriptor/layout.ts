// A stage-2 descriptor (Arm ARM, D8.3), as two signed 32-bit halves: bits 31:0 and bits 63:32.

/** Bit 0. */
export const VALID = 1;
/** Bits 1:0 of a table, and of a page at level 3. */
export const TYPE_TABLE_OR_PAGE = 3;
/** Bits 1:0 of a block. */
export const TYPE_BLOCK = 1;

/** Bits 5:2. */
export const MEMATTR_SHIFT = 2;
export const MEMATTR_MASK = 0xf << MEMATTR_SHIFT;
/** Bit 6. */
export const S2AP_R = 1 << 6;
/** Bit 7. */
export const S2AP_W = 1 << 7;
/** Bits 9:8, without LPA2. */
export const SH_SHIFT = 8;
export const SH_INNER = 3 << SH_SHIFT;
/** Bit 10. */
export const AF = 1 << 10;
/** KVM_PTE_LEAF_ATTR_LO: bits 11:2. */
export const LEAF_ATTR_LO = 0xffc;

/** KVM_PTE_LEAF_ATTR_HI: bits 63:50, in the upper half. */
export const LEAF_ATTR_HI = ~0x3ffff;
/** Bits 54:53, in the upper half. */
export const XN_SHIFT_HI = 53 - 32;
export const XN_MASK_HI = 3 << XN_SHIFT_HI;
/** KVM_PTE_LEAF_ATTR_HI_SW: bits 58:55, in the upper half. */
export const SW_SHIFT_HI = 55 - 32;
export const SW_MASK_HI = 0xf << SW_SHIFT_HI;

/** KVM_PTE_LEAF_ATTR_S2_PERMS: what relaxing permissions changes. */
export const PERMS_LO = S2AP_R | S2AP_W;
export const PERMS_HI = XN_MASK_HI;

/** KVM_INVALID_PTE_TYPE_MASK: bits 63:60 of an invalid entry, in the upper half. */
export const INVALID_TYPE_SHIFT_HI = 60 - 32;
/** An entry that somebody is about to replace: break-before-make in progress. */
export const LOCKED_HI = 1 << INVALID_TYPE_SHIFT_HI;

/** KVM_INVALID_PTE_TYPE_*, KVM_HOST_INVALID_PTE_TYPE_*, KVM_GUEST_INVALID_PTE_TYPE_*. */
export const InvalidType = {
  /** Break-before-make is in progress. */
  Locked: 1,
  /** pKVM: the host has given the page away. */
  Donation: 2,
  /** pKVM: the host has taken the page back by force. */
  Poisoned: 3,
} as const;
export type InvalidType = (typeof InvalidType)[keyof typeof InvalidType];

/** The XN field: which exception levels may not execute. */
export const Xn = {
  /** EL1 and EL0 may execute. */
  None: 0,
  /** Only EL0 may execute. */
  Privileged: 1,
  /** Nobody may execute. */
  All: 2,
  /** Only EL1 may execute. */
  Unprivileged: 3,
} as const;
export type Xn = (typeof Xn)[keyof typeof Xn];
