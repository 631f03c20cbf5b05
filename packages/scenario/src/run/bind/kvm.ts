import { type KvmIoctl, kvmIoctl, type PageRuns } from "@kvmm/kvm-memslots";
import { isRefusal, type Task } from "@kvmm/mm-core";
import { capabilities } from "../../format/constants/kvm-capabilities.js";
import type { Observation } from "../../format/observation.js";
import type { PageList } from "../../format/page-list.js";
import type { Bindings, CallOutcome } from "../outcome.js";
import { int } from "../results.js";

/** ioctl() with a structure, or with a pointer that points to nothing in its place. */
function ioctl(task: Task, on: bigint, call: KvmIoctl): CallOutcome {
  const result = kvmIoctl(task, int(on), call);
  if (isRefusal(result)) return { refusal: result };
  const observation: Observation = {
    ret: result.ret,
    ...(result.dirty === undefined ? {} : { bitmap: pageList(result.dirty) }),
  };
  return { value: BigInt(result.ret), observation };
}

function pageList(runs: PageRuns): PageList {
  return runs.map(([first, end]) => [first, end]);
}

function orPointer<T>(argp: bigint | undefined, structure: T): T | { readonly argp: bigint } {
  return argp === undefined ? structure : { argp };
}

/** The kernel's constant as a name, which is what the model goes by. */
function capName(value: bigint): string {
  return Object.entries(capabilities).find(([, number]) => BigInt(number) === value)?.[0] ?? `${value}`;
}

export const kvmBindings = {
  KVM_CREATE_VM: (world, task, { type }) =>
    descriptor(ioctl(task, world.names.get("kvm")!, { request: "KVM_CREATE_VM", type })),
  KVM_CREATE_GUEST_MEMFD: (_world, task, { on, size, flags, argp }) =>
    descriptor(ioctl(task, on, { request: "KVM_CREATE_GUEST_MEMFD", arg: orPointer(argp, { size, flags }) })),
  KVM_SET_USER_MEMORY_REGION: (_world, task, args) =>
    ioctl(task, args.on, { request: "KVM_SET_USER_MEMORY_REGION", arg: orPointer(args.argp, region(args)) }),
  KVM_SET_USER_MEMORY_REGION2: (_world, task, args) => {
    const arg = { ...region(args), guestMemfd: args.guest_memfd, guestMemfdOffset: args.guest_memfd_offset };
    return ioctl(task, args.on, { request: "KVM_SET_USER_MEMORY_REGION2", arg: orPointer(args.argp, arg) });
  },
  KVM_GET_DIRTY_LOG: (world, task, { on, slot, dirty_bitmap }) => {
    const arg = { slot, ...(dirty_bitmap === undefined ? {} : { dirtyBitmap: dirty_bitmap }) };
    const outcome = ioctl(task, on, { request: "KVM_GET_DIRTY_LOG", arg });
    if (outcome.refusal === undefined) world.lastDirtyLog = outcome.observation?.bitmap ?? [];
    return outcome;
  },
  KVM_CLEAR_DIRTY_LOG: (world, task, { on, slot, first_page, num_pages, dirty_bitmap }) => {
    let dirtyBitmap: PageRuns | bigint;
    if (dirty_bitmap === "as_read")
      dirtyBitmap = world.lastDirtyLog.map(([first, end]) => [first, end] as const);
    else if (dirty_bitmap === "ones")
      dirtyBitmap = [[Number(first_page), Number(first_page) + Number(BigInt.asUintN(32, num_pages))]];
    else dirtyBitmap = dirty_bitmap;
    const arg = { slot, firstPage: first_page, numPages: num_pages, dirtyBitmap };
    return ioctl(task, on, { request: "KVM_CLEAR_DIRTY_LOG", arg });
  },
  KVM_ENABLE_CAP: (_world, task, { on, cap, args }) =>
    ioctl(task, on, { request: "KVM_ENABLE_CAP", arg: { cap: capName(cap), args } }),
  KVM_CHECK_EXTENSION: (_world, task, { on, extension }) =>
    ioctl(task, on, { request: "KVM_CHECK_EXTENSION", extension: capName(extension) }),
  KVM_PRE_FAULT_MEMORY: (_world, task, { on, gpa, size }) =>
    ioctl(task, on, { request: "KVM_PRE_FAULT_MEMORY", arg: { gpa, size } }),
  KVM_SET_MEMORY_ATTRIBUTES: (_world, task, { on, address, size, attributes }) =>
    ioctl(task, on, { request: "KVM_SET_MEMORY_ATTRIBUTES", arg: { address, size, attributes } }),
} satisfies Bindings;

/** A descriptor is returned as 0: its number says nothing. */
function descriptor(outcome: CallOutcome): CallOutcome {
  return outcome.value === undefined ? outcome : { value: outcome.value };
}

function region(args: {
  readonly slot: bigint;
  readonly flags: bigint;
  readonly guest_phys_addr: bigint;
  readonly memory_size: bigint;
  readonly userspace_addr: bigint;
}) {
  return {
    slot: args.slot,
    flags: args.flags,
    guestPhysAddr: args.guest_phys_addr,
    memorySize: args.memory_size,
    userspaceAddr: args.userspace_addr,
  };
}
