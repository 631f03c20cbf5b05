import {
  address,
  clearBitmap,
  constant,
  descriptor,
  flags,
  number,
  numbers,
  optional,
  orElse,
  required,
  size,
} from "../argument.js";
import { guestMemfdFlags, memoryAttributes, memslotFlags } from "../constants/kvm.js";
import { capabilities } from "../constants/kvm-capabilities.js";
import { call } from "./call.js";

const onVm = { on: orElse(descriptor, "vm") };
const region = {
  ...onVm,
  slot: orElse(number, 0),
  flags: orElse(flags(memslotFlags), []),
  guest_phys_addr: orElse(size, 0),
  memory_size: orElse(size, 0),
  userspace_addr: orElse(address, 0),
};

/** KVM's ioctls. `argp` replaces the argument by a pointer that points to nothing. */
export const kvmCalls = {
  KVM_CREATE_VM: call("makes a VM", { type: orElse(number, 0) }, { gives: "descriptor" }),
  KVM_CREATE_GUEST_MEMFD: call(
    "makes a guest_memfd",
    {
      ...onVm,
      size: orElse(size, 0),
      flags: orElse(flags(guestMemfdFlags), []),
      reserved: orElse(numbers, []),
      argp: optional(address),
    },
    { gives: "descriptor" },
  ),
  KVM_SET_USER_MEMORY_REGION: call("creates, changes or deletes a memslot", {
    ...region,
    argp: optional(address),
  }),
  KVM_SET_USER_MEMORY_REGION2: call("creates, changes or deletes a memslot, with guest_memfd", {
    ...region,
    guest_memfd: orElse(descriptor, 0),
    guest_memfd_offset: orElse(size, 0),
    pad1: orElse(number, 0),
    pad2: orElse(number, 0),
    argp: optional(address),
  }),
  KVM_GET_DIRTY_LOG: call("reads a slot's dirty log", {
    ...onVm,
    slot: required(number),
    dirty_bitmap: optional(address),
  }),
  KVM_CLEAR_DIRTY_LOG: call("clears bits of a slot's dirty log", {
    ...onVm,
    slot: required(number),
    first_page: required(number),
    num_pages: required(number),
    dirty_bitmap: required(clearBitmap),
  }),
  KVM_ENABLE_CAP: call("enables a capability", {
    ...onVm,
    cap: required(constant(capabilities)),
    args: required(numbers),
  }),
  KVM_CHECK_EXTENSION: call("asks for a capability", {
    ...onVm,
    extension: required(constant(capabilities)),
  }),
  KVM_PRE_FAULT_MEMORY: call("maps guest memory ahead of the guest", {
    on: orElse(descriptor, "vcpu"),
    gpa: required(size),
    size: required(size),
  }),
  KVM_SET_MEMORY_ATTRIBUTES: call("makes guest memory private or shared", {
    ...onVm,
    address: required(size),
    size: required(size),
    attributes: required(flags(memoryAttributes)),
  }),
} as const;
