import { nameFunctions } from "@kvmm/interleave";
import { hex, NotModelled, PAGE_SIZE, type Refusal, type Result, refuse } from "@kvmm/mm-core";
import { mmuInvalidateEnd, mmuInvalidateRangeAdd, mmuInvalidateStart } from "../invalidate/invalidate.js";
import type { Kvm } from "../kvm.js";
import { type U64, u64 } from "../slots/memory-region.js";
import type { Gfn } from "../slots/memslot.js";
import { handleGfnRange } from "./handle-gfn-range.js";
import { entryOf, RESERVED, rangeHasMemoryAttributes, supportedMemAttributes } from "./memory-attributes.js";

/** struct kvm_memory_attributes; what is left out is 0. */
export interface SetMemoryAttributes {
  readonly address: U64;
  readonly size: U64;
  readonly attributes: U64;
  readonly flags?: U64;
}

const PAGE = BigInt(PAGE_SIZE);
/** The kernel keeps an entry for each page, and so does the model: 64 GiB at a time are enough. */
const MOST_PAGES = 2 ** 24;

/** KVM_SET_MEMORY_ATTRIBUTES, kvm_vm_ioctl_set_mem_attributes() */
export function setMemoryAttributes(kvm: Kvm, args: SetMemoryAttributes): Result<0> {
  const fn = "kvm_vm_ioctl_set_mem_attributes";
  const [address, size, attributes, flags] = [args.address, args.size, args.attributes, args.flags].map(
    u64,
  ) as [bigint, bigint, bigint, bigint];
  if (flags !== 0n) return refuse("EINVAL", fn, `flags ${hex(flags)}`, "0");
  const supported = supportedMemAttributes(kvm);
  if ((attributes & ~supported) !== 0n) {
    const accepted =
      supported === 0n ? "0: a VM of this type has no private memory" : `bits of ${hex(supported)}`;
    return refuse("EINVAL", fn, `unknown attributes ${hex(attributes & ~supported)}`, accepted);
  }
  if (size === 0n) return refuse("EINVAL", fn, "size 0", "at least one page");
  if (address + size >= 1n << 64n)
    return refuse(
      "EINVAL",
      fn,
      `address ${hex(address)} + size ${hex(size)} wraps`,
      "a range that ends below 2^64",
    );
  if (address % PAGE !== 0n || size % PAGE !== 0n) {
    const reason = `address ${hex(address)} or size ${hex(size)} is not page-aligned`;
    return refuse("EINVAL", fn, reason, "multiples of the page size, 4096");
  }
  if (size / PAGE > MOST_PAGES)
    throw new NotModelled(`KVM_SET_MEMORY_ATTRIBUTES of more than ${MOST_PAGES} pages`);
  const start = Number(address / PAGE);
  kvm.slotsLock.lock();
  const refusal = setLocked(kvm, start, start + Number(size / PAGE), Number(attributes));
  kvm.slotsLock.unlock();
  return refusal ?? 0;
}

/** kvm_vm_set_mem_attributes(), under slots_lock */
function setLocked(kvm: Kvm, start: Gfn, end: Gfn, attributes: number): Refusal | undefined {
  const fn = "kvm_vm_set_mem_attributes";
  if (rangeHasMemoryAttributes(kvm, start, end, attributes)) {
    kvm.store.trace(fn, () => `gfn ${hex(start)} to ${hex(end)} has these attributes already`);
    return undefined;
  }
  const entry = entryOf(attributes);
  const { memAttrArray } = kvm;
  if (entry !== 0 || kvm.behaviour.reserveToClearAttributes) {
    for (let gfn = start; gfn < end; gfn++) {
      if (gfn === kvm.failReserveAt)
        return refuse(
          "ENOMEM",
          fn,
          `no memory for the entry of gfn ${hex(gfn)}`,
          "the same, once memory is free",
        );
      if (memAttrArray.get(gfn) === 0) memAttrArray.set(gfn, RESERVED);
    }
  }
  handleGfnRange(kvm, {
    start,
    end,
    onLock: mmuInvalidateStart,
    flushOnRet: true,
    handler: (range) => {
      mmuInvalidateRangeAdd(kvm, range.start, range.end);
      return kvm.mmu.preSetMemoryAttributes?.(range, attributes) ?? false;
    },
  });
  for (let gfn = start; gfn < end; gfn++) memAttrArray.set(gfn, entry);
  handleGfnRange(kvm, {
    start,
    end,
    onLock: mmuInvalidateEnd,
    flushOnRet: false,
    handler: (range) => kvm.mmu.postSetMemoryAttributes?.(range, attributes) ?? false,
  });
  kvm.store.trace(fn, () => `gfn ${hex(start)} to ${hex(end)} has attributes ${hex(attributes)} now`);
  return undefined;
}

nameFunctions({
  kvm_vm_set_mem_attributes: setLocked,
});
