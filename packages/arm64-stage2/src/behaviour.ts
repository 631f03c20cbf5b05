/** The decisions of KVM/arm64's fault handling that differ between kernel versions, or that a patch may change. */
export interface Arm64Behaviour {
  /**
   * gmem_abort() on a permission fault: relaxes the entry (since 9be19df816de), or maps again, which changes nothing
   * and has the guest fault for ever.
   */
  readonly gmemPermissionFault: "relax" | "map";
}

/** Linux 7.2 */
export const arm64v72: Arm64Behaviour = {
  gmemPermissionFault: "relax",
};
