import { type GuestAccess, guestAccess } from "@kvmm/kvm-memslots";
import type { Task } from "@kvmm/mm-core";
import { hex, hostAccess, PAGE_SIZE } from "@kvmm/mm-core";
import type {
  Access,
  ExitObservation,
  FaultObservation,
  Observation,
  SignalObservation,
} from "../../format/observation.js";
import type { Bindings, CallOutcome } from "../outcome.js";
import { GroupedPages, PageRuns } from "../page-runs.js";
import { unsigned } from "../results.js";
import type { World } from "../world.js";

/** A first word is 32 bits. */
const WORD = 0xffff_ffffn;
/** RET: what a page that the guest calls should hold. */
const RET = 0xd65f_03c0;
/** ESR_EL1 of an instruction that is none: class 0, IL. */
const UNDEFINED_INSTRUCTION = 0x200_0000;

interface Range {
  readonly length: bigint;
  readonly stride: bigint;
}

interface Written {
  readonly value: bigint;
  readonly value_step: bigint;
}

/** The byte offsets at which a range is touched. */
function* touched({ length, stride }: Range): Generator<number> {
  for (let offset = 0n; offset < length; offset += stride) yield Number(offset);
}

/** A guest's accesses, page by page, and the stage-2 faults and exits that they take. */
export function guestTouch(
  world: World,
  kind: Access,
  args: Range & { readonly gpa: bigint },
  written?: Written,
): CallOutcome {
  const faults = new GroupedPages<Pick<FaultObservation, "access" | "kind">>();
  const exits = new GroupedPages<Omit<ExitObservation, "pages">>();
  const waits = new PageRuns();
  let value: number | undefined;
  let word = written?.value ?? 0n;
  world.runProgram();
  for (const offset of touched(args)) {
    const page = Math.floor(offset / PAGE_SIZE);
    const done = guestAccess(world.vcpu, unsigned(args.gpa) + offset, kind, Number(word & WORD));
    for (const fault of done.faults) faults.add(fault, page);
    const exception = exceptionOf(kind, done);
    if (exception !== undefined) {
      exits.add({ exception: hex(exception) }, page);
      world.takeException();
    } else if (done.exit?.waits !== undefined) waits.add(page);
    else if (done.exit !== undefined) {
      const { reason, errno, signal, code } = done.exit;
      exits.add(
        {
          ...(errno === undefined ? {} : { errno }),
          ...(reason === undefined ? {} : { exit: reason }),
          ...(signal === undefined ? {} : { signal }),
          ...(code === undefined ? {} : { code }),
        },
        page,
      );
    }
    if (offset === 0) value = done.value;
    word += written?.value_step ?? 0n;
  }
  const observation: Observation = {
    ...(kind === "read" && value !== undefined ? { value } : {}),
    ...orNothing("exits", exits.list()),
    ...orNothing("faults", faults.list()),
    ...waitsOf(waits),
  };
  return { observation };
}

/** The ESR_EL1 of the exception that the guest took instead of completing an access. */
function exceptionOf(kind: Access, { exit, value }: GuestAccess): number | undefined {
  if (exit === undefined && kind === "exec" && value !== RET) return UNDEFINED_INSTRUCTION;
  return exit?.exception;
}

/** A thread's accesses through its own mapping, and the signals that they raise. */
export function hostTouch(
  world: World,
  task: Task,
  args: Range & { readonly addr: bigint },
  written?: Written,
): CallOutcome {
  const signals = new GroupedPages<Omit<SignalObservation, "pages">>();
  const waits = new PageRuns();
  let died = false;
  let value: number | undefined;
  let word = written?.value ?? 0n;
  for (const offset of touched(args)) {
    const address = unsigned(args.addr) + offset;
    const done = hostAccess(task, address, written === undefined ? undefined : Number(word & WORD));
    if ("waits" in done) waits.add(Math.floor(offset / PAGE_SIZE));
    else if ("signal" in done) {
      signals.add({ signal: done.signal, code: done.code }, Math.floor(offset / PAGE_SIZE));
      // A child has no handler: it dies of it.
      if (task !== world.vmm) {
        world.end(task);
        died = true;
        break;
      }
    } else if (offset === 0) value = done.value;
    word += written?.value_step ?? 0n;
  }
  const observation: Observation = {
    ...(written === undefined && value !== undefined ? { value } : {}),
    ...orNothing("signals", signals.list()),
    ...waitsOf(waits),
  };
  return { observation, ...(died ? { died } : {}) };
}

/** Pages that nobody brings: their accesses are given up, as a signal would have it. */
function waitsOf(pages: PageRuns): Pick<Observation, "waits"> {
  const list = pages.list();
  return list.length === 0 ? {} : { waits: list };
}

function orNothing<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}

export const accessBindings = {
  none: () => ({}),
  vcpu_read: (world, _task, args) => guestTouch(world, "read", args),
  vcpu_write: (world, _task, args) => guestTouch(world, "write", args, args),
  vcpu_exec: (world, _task, args) => guestTouch(world, "exec", args),
  host_read: (world, task, args) => hostTouch(world, task, args),
  host_write: (world, task, args) => hostTouch(world, task, args, args),
} satisfies Bindings;
