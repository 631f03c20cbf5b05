import {
  close,
  dup,
  fallocate,
  ftruncate,
  isRefusal,
  memfdCreate,
  type OpenFile,
  type Result,
} from "@kvmm/mm-core";
import { fallocateModes } from "../format/constants/fallocate.js";
import { memfdFlags } from "../format/constants/memfd.js";
import { bitsOf, type TracedCall } from "./traced-call.js";
import { descriptorOf, type TracedProcess } from "./traced-processes.js";

/** The calls of a trace on files: what they leave behind the descriptors, and why one is refused. */
export class FileCalls {
  /** What the trace calls a file; left out: what the model does. */
  readonly names = new Map<OpenFile, string>();
  /** Files of a file system that the trace does not tell, whose sizes and refusals are its own. */
  readonly #foreign = new Set<OpenFile>();

  /** @param openKvm opens /dev/kvm. @returns undefined for a call that is not made */
  call(process: TracedProcess, call: TracedCall, openKvm: () => number): Result<unknown> | undefined {
    const fd = descriptorOf(call, 0);
    const given = call.ret === undefined ? undefined : Number(call.ret);
    switch (call.name) {
      case "open":
      case "openat":
        if (given !== undefined) process.set(given, this.#open(process, pathOf(call), openKvm));
        return undefined;
      case "memfd_create":
        return this.#memfdCreate(process, call, given);
      case "dup":
      case "dup2":
      case "dup3":
        if (given !== undefined && given !== fd) this.#duplicate(process, fd, given);
        return undefined;
      case "fcntl":
        if (given !== undefined && /\bF_DUPFD/.test(call.text)) this.#duplicate(process, fd, given);
        return undefined;
      case "close":
        return given === undefined ? undefined : closeTraced(process, fd);
      case "ftruncate":
        return this.#onKnown(process, fd, (own) => ftruncate(process.task, own, size(call, 1)));
      case "fallocate":
        // What is allocated or punched out does not show in a memory map.
        if (given !== undefined) return undefined;
        return this.#onKnown(process, fd, (own) =>
          fallocate(
            process.task,
            own,
            Number(bitsOf(call.args[1], fallocateModes) ?? 0n),
            size(call, 2),
            size(call, 3),
          ),
        );
      default:
        return undefined;
    }
  }

  /** A descriptor of the model for a file of which no more is known than its name. */
  foreign(process: TracedProcess, name: string): number {
    const own = memfdCreate(process.task, 0);
    if (isRefusal(own)) throw new Error(`a file for the model: ${own}`);
    const file = process.task.process.file(own)!;
    this.names.set(file, name);
    this.#foreign.add(file);
    return own;
  }

  #open(process: TracedProcess, path: string, openKvm: () => number): number {
    return path === "/dev/kvm" ? openKvm() : this.foreign(process, path);
  }

  #memfdCreate(
    process: TracedProcess,
    call: TracedCall,
    given: number | undefined,
  ): Result<unknown> | undefined {
    if (given === undefined) return memfdCreate(process.task, Number(bitsOf(call.args[1], memfdFlags) ?? 0n));
    const isHugetlb = call.text.includes("MFD_HUGETLB");
    const name = call.args[0]?.kind === "string" ? call.args[0].text : "";
    const own = this.foreign(process, `memfd ${name}${isHugetlb ? " of huge pages" : ""}`);
    if (!isHugetlb) this.#foreign.delete(process.task.process.file(own)!);
    process.set(given, own);
    return undefined;
  }

  #duplicate(process: TracedProcess, fd: number, given: number): void {
    closeTraced(process, given);
    const own = process.own(fd);
    const copy = own === undefined ? undefined : dup(process.task, own);
    process.set(given, isRefusal(copy) ? undefined : copy);
  }

  #onKnown(
    process: TracedProcess,
    fd: number,
    call: (own: number) => Result<unknown>,
  ): Result<unknown> | undefined {
    const file = process.file(fd);
    return file === null || this.#foreign.has(file) ? undefined : call(process.own(fd)!);
  }
}

function closeTraced(process: TracedProcess, fd: number): Result<unknown> | undefined {
  const own = process.own(fd);
  if (own === undefined) return undefined;
  process.set(fd, undefined);
  return close(process.task, own);
}

function size(call: TracedCall, at: number): number {
  return Number(bitsOf(call.args[at]) ?? 0n);
}

/** The path of open and openat, without its quotes. */
function pathOf({ args }: TracedCall): string {
  const path = args.find((arg) => arg.kind === "string");
  return path?.kind === "string" ? path.text.replace(/^"|"(\.\.\.)?$/g, "") : "a file";
}
