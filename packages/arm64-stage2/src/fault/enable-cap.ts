import { nameFunctions } from "@kvmm/interleave";
import { hex, type Result, refuse } from "@kvmm/mm-core";
import { supportedBlockSizes } from "../geometry/geometry.js";
import type { Arm64Mmu } from "./arm64-mmu.js";

/** kvm_vm_ioctl_enable_cap(): of the capabilities about memory, the chunk size of eager splitting. */
export function enableSplitChunkSize(mmu: Arm64Mmu, cap: string, args: readonly bigint[]): Result<0> {
  const fn = "kvm_vm_ioctl_enable_cap";
  if (cap !== "KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE") return refuse("EINVAL", fn, `${cap} cannot be enabled`);
  const size = args[0] ?? 0n;
  const { kvm } = mmu;
  kvm.slotsLock.lock();
  const result = checked(mmu, fn, size);
  if (result === 0) mmu.splitPageChunkSize.set(Number(size));
  kvm.slotsLock.unlock();
  return result;
}

function checked({ kvm, pgt }: Arm64Mmu, fn: string, size: bigint): Result<0> {
  // kvm_are_all_memslots_empty()
  if (kvm.memslots().gfnTree.first(0, Number.MAX_SAFE_INTEGER) !== undefined) {
    return refuse("EINVAL", fn, "the VM has memslots", "a VM without memslots");
  }
  // kvm_is_block_size_supported()
  const sizes = BigInt(supportedBlockSizes(pgt.geometry));
  const isOne = size !== 0n && (size & (size - 1n)) === 0n && (size & sizes) !== 0n;
  if (size === 0n || isOne) return 0;
  return refuse(
    "EINVAL",
    fn,
    `a chunk size of ${hex(size)}`,
    `0, or a size of blocks or pages (a bit of ${hex(sizes)})`,
  );
}

nameFunctions({
  kvm_vm_ioctl_enable_cap: enableSplitChunkSize,
});
