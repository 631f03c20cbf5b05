/** arm64's untagged_addr(): without the top byte, which the hardware ignores, but for kernel addresses. */
export function untaggedAddr(address: bigint): bigint {
  return address & BigInt.asUintN(64, BigInt.asIntN(56, address));
}

/**
 * access_ok(): does the range lie within what user space can have at all?
 * @param end TASK_SIZE_MAX
 */
export function accessOk(address: bigint, size: bigint, end: number): boolean {
  const limit = BigInt(end);
  return size <= limit && address <= limit - size;
}
