/** What a name stands for: the call that gave it decides. */
export type NameKind = "address" | "descriptor" | "task" | "cache";

/** Names that exist before the first step. */
export const predefinedNames: ReadonlyMap<string, NameKind> = new Map([
  ["kvm", "descriptor"],
  ["vm", "descriptor"],
  ["vcpu", "descriptor"],
]);

export const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `an address`, `a descriptor`, `a task`, `a pfncache`: for messages. */
export function kindInWords(kind: NameKind): string {
  switch (kind) {
    case "address":
      return "an address";
    case "descriptor":
      return "a descriptor";
    case "task":
      return "a task";
    case "cache":
      return "a gfn_to_pfn_cache";
  }
}
