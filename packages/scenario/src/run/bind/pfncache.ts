import {
  createGpc,
  type GfnToPfnCache,
  gpcActivate,
  gpcActivateHva,
  gpcCheckLocked,
  gpcDeactivate,
  gpcReadIfValid,
  gpcRefresh,
  gpcWriteIfValid,
  INVALID_GPA,
} from "@kvmm/kvm-memslots";
import { isRefusal, NotModelled } from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { unsigned, zero } from "../results.js";
import type { World } from "../world.js";

/** A cache that is named, and the length of an access: as it says, or else as at its activation. */
function cacheOf(world: World, named: bigint, length?: bigint): { gpc: GfnToPfnCache; length: number } {
  const { gpc, length: activated } = world.caches.get(named);
  return { gpc, length: length === undefined ? activated : unsigned(length) };
}

/** KVM's users of a cache hold kvm->srcu, which keeps the memslots as they are. */
function underSrcu<T>(world: World, use: () => T): T {
  const idx = world.kvm.srcu.readLock();
  const result = use();
  world.kvm.srcu.readUnlock(idx);
  return result;
}

const WORD = 0xffff_ffffn;

export const pfncacheBindings = {
  kvm_gpc_activate: (world, task, { gpa, addr, length, cache }) => {
    if (!world.kvm.mmu.traits.pfnCache)
      throw new NotModelled("kvm_gpc_activate: only x86 has gfn_to_pfn_cache");
    const gpc = cache === undefined ? createGpc(world.kvm) : world.caches.get(cache).gpc;
    const bytes = unsigned(length);
    const result = underSrcu(world, () =>
      addr === undefined
        ? gpcActivate(task, gpc, gpa === undefined ? INVALID_GPA : unsigned(gpa), bytes)
        : gpcActivateHva(task, gpc, unsigned(addr), bytes),
    );
    // Also a cache that could not be filled is there, and can be refreshed.
    return isRefusal(result) ? { refusal: result } : { value: world.caches.add(gpc, bytes) };
  },
  kvm_gpc_check: (world, _task, args) => {
    const { gpc, length } = cacheOf(world, args.cache, args.length);
    return { observation: { ret: underSrcu(world, () => gpcCheckLocked(gpc, length)) ? 1 : 0 } };
  },
  kvm_gpc_refresh: (world, task, args) => {
    const { gpc, length } = cacheOf(world, args.cache, args.length);
    return zero(underSrcu(world, () => gpcRefresh(task, gpc, length)));
  },
  kvm_gpc_read: (world, _task, args) => {
    const { gpc, length } = cacheOf(world, args.cache);
    const word = underSrcu(world, () => gpcReadIfValid(gpc, length));
    return isRefusal(word) ? { refusal: word } : { observation: { ret: 0, value: word } };
  },
  kvm_gpc_write: (world, _task, args) => {
    const { gpc, length } = cacheOf(world, args.cache);
    return zero(underSrcu(world, () => gpcWriteIfValid(gpc, length, Number(args.value & WORD))));
  },
  kvm_gpc_deactivate: (world, _task, args) => {
    gpcDeactivate(cacheOf(world, args.cache).gpc);
    return {};
  },
} satisfies Bindings;
