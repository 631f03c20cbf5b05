/** `mode` of mbind and set_mempolicy: include/uapi/linux/mempolicy.h. */
export const policyModes = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
} as const;

/** `mode_flags` of mbind and set_mempolicy: they share the argument with the mode. */
export const policyModeFlags = {
  MPOL_F_NUMA_BALANCING: 0x2000,
  MPOL_F_RELATIVE_NODES: 0x4000,
  MPOL_F_STATIC_NODES: 0x8000,
} as const;

/** `flags` of mbind and move_pages. */
export const mbindFlags = {
  MPOL_MF_STRICT: 1,
  MPOL_MF_MOVE: 2,
  MPOL_MF_MOVE_ALL: 4,
  MPOL_MF_LAZY: 8,
} as const;

/** `flags` of get_mempolicy. */
export const getMempolicyFlags = {
  MPOL_F_NODE: 1,
  MPOL_F_ADDR: 2,
  MPOL_F_MEMS_ALLOWED: 4,
} as const;
