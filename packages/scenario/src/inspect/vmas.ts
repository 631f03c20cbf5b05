import { type VmaFields, VmFlag } from "@kvmm/mm-core";
import type { World } from "../run/world.js";

/** A mapping of the VMM: struct vm_area_struct. */
export interface VmaView {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** `rw-s`, as in /proc/PID/maps. */
  readonly access: string;
  /** The file that is mapped, or `anonymous`. */
  readonly backing: string;
  /** Page offset into the file. */
  readonly pgoff: number;
  /** Other vm_flags that are set. */
  readonly flags: readonly string[];
  /** Its memory policy (mbind), where it has one of its own. */
  readonly policy?: string;
  /** Part of the machine before the first step: the guest's program. */
  readonly predefined: boolean;
}

const OTHER_FLAGS: readonly (keyof typeof VmFlag)[] = [
  "hugepage",
  "nohugepage",
  "hugetlb",
  "locked",
  "dontcopy",
  "wipeonfork",
  "mergeable",
  "uffdMissing",
  "uffdWp",
  "sealed",
];

/** The VMM's mappings by address. */
export function vmaViews(world: World): readonly VmaView[] {
  const predefined = new Set(predefinedAddresses(world));
  return world.vmm.mm.vmas.peek().map((vma) => {
    const fields = vma.peek();
    return viewOf(fields, predefined.has(fields.start));
  });
}

/** User addresses of the memslots that are there before the first step. */
export function predefinedAddresses({ kvm, predefined }: World): readonly number[] {
  const slots = kvm.peekMemslots().peek();
  return slots.filter(({ slotId }) => predefined.has(slotId)).map(({ userspaceAddr }) => userspaceAddr);
}

function viewOf(fields: VmaFields, predefined: boolean): VmaView {
  const { start, end, flags, pgoff, file, policy } = fields;
  return {
    start,
    end,
    access: accessOf(flags),
    backing: file === null ? "anonymous" : file.name,
    pgoff,
    flags: OTHER_FLAGS.filter((name) => (flags & VmFlag[name]) !== 0),
    ...(policy === null ? {} : { policy: policy.mode }),
    predefined,
  };
}

function accessOf(flags: number): string {
  const letter = (flag: number, set: string) => ((flags & flag) === 0 ? "-" : set);
  const shared = (flags & VmFlag.shared) === 0 ? "p" : "s";
  return letter(VmFlag.read, "r") + letter(VmFlag.write, "w") + letter(VmFlag.exec, "x") + shared;
}
