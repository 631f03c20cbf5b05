import type { KvmIoctl } from "@kvmm/kvm-memslots";
import { guestMemfdFlags, memoryAttributes, memslotFlags } from "../format/constants/kvm.js";
import { capabilities } from "../format/constants/kvm-capabilities.js";
import { bitsOf, type TracedValue } from "./traced-call.js";

/**
 * An ioctl with what it was given; undefined where it is none about memory, or strace has not decoded it.
 * @param descriptor the model's, for one of the trace
 */
export function kvmRequestOf(
  request: string,
  argument: TracedValue | undefined,
  descriptor: (traced: number) => number,
): KvmIoctl | undefined {
  if (request === "KVM_CREATE_VCPU") return { request, id: bitsOf(argument) ?? 0n };
  if (argument?.kind !== "struct") return undefined;
  const field = (name: string, names: Readonly<Record<string, number>> = {}) =>
    bitsOf(argument.fields.get(name), names) ?? 0n;
  switch (request) {
    case "KVM_SET_USER_MEMORY_REGION":
    case "KVM_SET_USER_MEMORY_REGION2": {
      const region = {
        slot: field("slot"),
        flags: field("flags", memslotFlags),
        guestPhysAddr: field("guest_phys_addr"),
        memorySize: field("memory_size"),
        userspaceAddr: field("userspace_addr"),
      };
      if (request === "KVM_SET_USER_MEMORY_REGION") return { request, arg: region };
      const guestMemfd = descriptor(Number(BigInt.asIntN(32, field("guest_memfd"))));
      return { request, arg: { ...region, guestMemfd, guestMemfdOffset: field("guest_memfd_offset") } };
    }
    case "KVM_CREATE_GUEST_MEMFD":
      return { request, arg: { size: field("size"), flags: field("flags", guestMemfdFlags) } };
    case "KVM_SET_MEMORY_ATTRIBUTES": {
      const attributes = field("attributes", memoryAttributes);
      return {
        request,
        arg: { address: field("address"), size: field("size"), attributes, flags: field("flags") },
      };
    }
    case "KVM_PRE_FAULT_MEMORY":
      return { request, arg: { gpa: field("gpa"), size: field("size"), flags: field("flags") } };
    case "KVM_GET_DIRTY_LOG":
      return { request, arg: { slot: field("slot") } };
    case "KVM_CLEAR_DIRTY_LOG": {
      const range = { slot: field("slot"), firstPage: field("first_page"), numPages: field("num_pages") };
      // Which bits were set strace does not show.
      return { request, arg: { ...range, dirtyBitmap: [] } };
    }
    case "KVM_ENABLE_CAP": {
      const cap = capabilityOf(argument.fields.get("cap"));
      const args = argument.fields.get("args");
      const values = args?.kind === "list" ? args.items.map((item) => bitsOf(item) ?? 0n) : [];
      return cap === undefined ? undefined : { request, arg: { cap, flags: field("flags"), args: values } };
    }
    default:
      return undefined;
  }
}

function capabilityOf(value: TracedValue | undefined): string | undefined {
  if (value?.kind === "flags") return value.names[0];
  if (value?.kind !== "number") return undefined;
  return Object.entries(capabilities).find(([, number]) => BigInt(number) === value.value)?.[0];
}
