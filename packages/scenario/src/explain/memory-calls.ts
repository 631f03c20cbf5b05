import { MapFlag, MremapFlag, madvise, mmap, mprotect, mremap, munmap, type Result } from "@kvmm/mm-core";
import { advices, mmapFlags, mremapFlags } from "../format/constants/mman.js";
import { bitsOf, type TracedCall } from "./traced-call.js";
import { descriptorOf, type TracedProcess } from "./traced-processes.js";

const PROTECTIONS = { PROT_NONE: 0, PROT_READ: 1, PROT_WRITE: 2, PROT_EXEC: 4 };

/** The flags of a mapping that is there that say what it is; where it lies is known. */
const KINDS = MapFlag.type | MapFlag.anonymous;

/** Calls that depend on what was mapped before the trace began, which the model does not have. */
export const ON_OLDER_MAPPINGS: ReadonlySet<string> = new Set(["mprotect", "mremap", "madvise"]);

/**
 * The calls of a trace on the address space. What succeeded is put where the kernel put it.
 * @param descriptor the model's, of the file that is mapped
 * @returns undefined for a call that is not made
 */
export function memoryCall(
  { task }: TracedProcess,
  call: TracedCall,
  descriptor: (traced: number) => number,
): Result<unknown> | undefined {
  const { args, ret, errno } = call;
  const number = (at: number, names: Readonly<Record<string, number>> = {}) =>
    Number(BigInt.asUintN(64, bitsOf(args[at], names) ?? 0n));
  switch (call.name) {
    case "mmap":
    case "mmap2": {
      const flags = number(3, mmapFlags);
      const traced = descriptorOf(call, 4);
      const unit = call.name === "mmap2" ? 4096 : 1;
      const what = {
        length: number(1),
        prot: number(2, PROTECTIONS),
        offset: number(5) * unit,
        fd: traced < 0 ? traced : descriptor(traced),
      };
      if (errno !== undefined) return mmap(task, { ...what, addr: number(0), flags });
      return mmap(task, { ...what, addr: Number(ret), flags: (flags & KINDS) | MapFlag.fixed });
    }
    case "munmap":
      return munmap(task, number(0), number(1));
    case "mremap": {
      const [oldAddress, oldSize, newSize] = [number(0), number(1), number(2)];
      const flags = number(3, mremapFlags);
      const asked = { oldAddress, oldSize, newSize, flags, newAddress: number(4) };
      if (errno !== undefined) return mremap(task, asked);
      const there = Number(ret);
      if (there === oldAddress)
        return mremap(task, { ...asked, flags: flags & ~MremapFlag.fixed, newAddress: 0 });
      const fixed = MremapFlag.mayMove | MremapFlag.fixed | (flags & MremapFlag.dontUnmap);
      return mremap(task, { ...asked, flags: fixed, newAddress: there });
    }
    case "madvise":
      return errno === undefined ? undefined : madvise(task, number(0), number(1), number(2, advices));
    case "mprotect":
      return mprotect(task, number(0), number(1), number(2, PROTECTIONS));
    default:
      return undefined;
  }
}
