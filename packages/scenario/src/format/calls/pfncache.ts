import { address, cache, number, optional, orElse, required, size } from "../argument.js";
import { call } from "./call.js";

const onCache = { cache: required(cache) };

/** KVM's own use of guest memory through a gfn_to_pfn_cache (virt/kvm/pfncache.c). No recording has them. */
export const pfncacheCalls = {
  kvm_gpc_activate: call(
    "makes a cache of a guest page, given by its gpa or by a user address; or activates one again",
    { gpa: optional(size), addr: optional(address), length: required(size), cache: optional(cache) },
    { gives: "cache" },
  ),
  kvm_gpc_check: call("asks whether the cache is valid", { ...onCache, length: optional(size) }),
  kvm_gpc_refresh: call("makes the cache valid again", { ...onCache, length: optional(size) }),
  kvm_gpc_read: call("reads guest memory through the cache, where it is valid", onCache),
  kvm_gpc_write: call("writes guest memory through the cache, where it is valid", {
    ...onCache,
    value: orElse(number, 0x5a5a5a5a),
  }),
  kvm_gpc_deactivate: call("ends the cache", onCache),
} as const;
