/** An argument of a traced call: what `@kvmm/traces` calls StraceValue. */
export type TracedValue =
  | { readonly kind: "number"; readonly value: bigint }
  | { readonly kind: "flags"; readonly names: readonly string[]; readonly rest: bigint }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "struct"; readonly fields: ReadonlyMap<string, TracedValue> }
  | { readonly kind: "list"; readonly items: readonly TracedValue[] }
  | { readonly kind: "text"; readonly text: string };

/** A system call of a VMM that was traced. */
export interface TracedCall {
  readonly line: number;
  /** The thread that made it, where the trace tells. */
  readonly pid?: number | undefined;
  readonly name: string;
  readonly args: readonly TracedValue[];
  /** As it stands in the trace. */
  readonly text: string;
  readonly ret: bigint | undefined;
  readonly errno: string | undefined;
}

/** A number or flags, as a number; undefined for what is neither, or a flag that `names` does not have. */
export function bitsOf(
  value: TracedValue | undefined,
  names: Readonly<Record<string, number>> = {},
): bigint | undefined {
  if (value === undefined) return undefined;
  if (value.kind === "number") return value.value;
  if (value.kind !== "flags") return undefined;
  let bits = value.rest;
  for (const name of value.names) {
    if (!Object.hasOwn(names, name)) return undefined;
    bits |= BigInt(names[name]!);
  }
  return bits;
}

/** ioctls that older straces print as numbers: by the number within KVM's type 0xae. */
const BY_NUMBER: Readonly<Record<string, string>> = {
  "0x1": "KVM_CREATE_VM",
  "0x3": "KVM_CHECK_EXTENSION",
  "0x41": "KVM_CREATE_VCPU",
  "0x42": "KVM_GET_DIRTY_LOG",
  "0x46": "KVM_SET_USER_MEMORY_REGION",
  "0x49": "KVM_SET_USER_MEMORY_REGION2",
  "0x80": "KVM_RUN",
  "0xa3": "KVM_ENABLE_CAP",
  "0xc0": "KVM_CLEAR_DIRTY_LOG",
  "0xd2": "KVM_SET_MEMORY_ATTRIBUTES",
  "0xd4": "KVM_CREATE_GUEST_MEMFD",
  "0xd5": "KVM_PRE_FAULT_MEMORY",
};

/** The request of an ioctl, as a name where there is one. */
export function requestOf({ args }: TracedCall): string {
  const request = args[1];
  if (request?.kind === "flags" && request.names.length === 1) return request.names[0]!;
  if (request?.kind !== "text") return "";
  const number = /^_IOC\([^,]*,\s*0xae,\s*(0x[0-9a-f]+)/i.exec(request.text)?.[1];
  return (number === undefined ? undefined : BY_NUMBER[number.toLowerCase()]) ?? request.text;
}
