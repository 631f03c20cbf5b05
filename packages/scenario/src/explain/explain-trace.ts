import { isRefusal, NotModelled, type Result } from "@kvmm/mm-core";
import type { Architecture } from "../format/machine.js";
import type { RunOptions } from "../model.js";
import { settingOf } from "../run/run-scenario.js";
import { whyRefused } from "./explain-calls.js";
import type { WhyRefused } from "./explained.js";
import { knownRefusal } from "./known-refusals.js";
import { ON_OLDER_MAPPINGS } from "./memory-calls.js";
import type { MemoryMap } from "./memory-map.js";
import { requestOf, type TracedCall } from "./traced-call.js";
import { VmmReplay } from "./vmm-replay.js";

/** A call of a trace that the kernel refused. */
export interface TracedRefusal {
  readonly line: number;
  readonly text: string;
  /** `KVM_SET_USER_MEMORY_REGION2`, `mmap` */
  readonly call: string;
  readonly errno: string;
  /** Why, where the model refuses the same for the same, or it is known without a model. */
  readonly why?: WhyRefused;
  /** Where it is not. */
  readonly unexplained?: string;
  /** How often the same was refused, with the first line above. */
  readonly count: number;
}

/** A call of a trace of which the model says something else than the kernel did. */
export interface TraceDifference {
  readonly line: number;
  readonly text: string;
  readonly differs: string;
}

/** A VM of a trace, at its end. */
export interface TracedMap extends MemoryMap {
  /** Its descriptor. */
  readonly vm: number;
  /** Where it was made; left out: before the trace began. */
  readonly line?: number;
  /** Where its last descriptor was closed; the map is that of before. */
  readonly destroyed?: number;
}

export interface ExplainedTrace {
  readonly kernel: string;
  readonly arch: Architecture;
  readonly calls: number;
  readonly refusals: readonly TracedRefusal[];
  readonly differences: readonly TraceDifference[];
  readonly maps: readonly TracedMap[];
}

/** Requests that only one architecture has: what a trace was made on. */
const TELLTALES: readonly (readonly [request: RegExp, arch: Architecture])[] = [
  [
    /^KVM_(SET_TSS_ADDR|SET_IDENTITY_MAP_ADDR|GET_SUPPORTED_CPUID|SET_CPUID2|GET_MSR_INDEX_LIST|CREATE_PIT2|SET_LAPIC)$/,
    "x86",
  ],
  [/^KVM_ARM_/, "arm64"],
];

/**
 * Explains what a VMM was refused, and the memory that its VMs have in the end: its calls are made once more on the
 * model, which says why where it refuses them as the kernel did.
 */
export function explainTrace(traced: readonly TracedCall[], options: RunOptions = {}): ExplainedTrace {
  const arch = options.arch ?? archOf(traced);
  const { kernel, behaviour } = settingOf({ machine: { arch }, steps: [] }, { ...options, arch });
  const replay = new VmmReplay(arch, behaviour, traced);
  const refusals = new Map<string, TracedRefusal>();
  const differences: TraceDifference[] = [];
  for (const call of traced) {
    // A call that never returned has done nobody knows what.
    if (call.ret === undefined && call.errno === undefined) continue;
    const said = says(replay, call);
    if (call.errno === undefined) {
      // What was mapped before the trace began, the model does not have.
      if (said === undefined || !("errno" in said) || ON_OLDER_MAPPINGS.has(call.name)) continue;
      const { errno, fn, reason } = said;
      const differs = `the kernel accepted it; the model refuses it (${errno}, ${fn}: ${reason}), and goes on without`;
      differences.push({ line: call.line, text: call.text, differs });
    } else addRefusal(refusals, refusalOf(call, call.errno, said));
  }
  const maps = replay.vms.map((vm) => ({
    vm: vm.fd,
    ...(vm.seen ? { line: vm.line } : {}),
    ...(vm.gone === undefined ? {} : { destroyed: vm.gone.line }),
    ...replay.mapOf(vm),
  }));
  return {
    kernel: kernel.name,
    arch,
    calls: traced.length,
    refusals: [...refusals.values()],
    differences,
    maps,
  };
}

function archOf(traced: readonly TracedCall[]): Architecture {
  for (const call of traced) {
    if (call.name !== "ioctl") continue;
    const request = requestOf(call);
    const found = TELLTALES.find(([telltale]) => telltale.test(request));
    if (found !== undefined) return found[1];
  }
  return "arm64";
}

/** Why the model refuses a call, if it does; or what it lacks. Undefined: it accepts it, or does not make it. */
function says(
  replay: VmmReplay,
  call: TracedCall,
): WhyRefused | { readonly lacks: string } | { readonly accepts: true } | undefined {
  let result: Result<unknown> | undefined;
  try {
    result = replay.call(call);
  } catch (error) {
    if (error instanceof NotModelled) return { lacks: error.message };
    throw error;
  }
  if (result === undefined) return undefined;
  return isRefusal(result) ? whyRefused(result) : { accepts: true };
}

function refusalOf(call: TracedCall, errno: string, said: ReturnType<typeof says>): TracedRefusal {
  const name = call.name === "ioctl" ? requestOf(call) : call.name;
  const about = { line: call.line, text: call.text, call: name, errno, count: 1 };
  const known = knownRefusal(name, errno);
  if (said === undefined) {
    if (known !== undefined) return { ...about, why: known };
    const unexplained =
      call.args[2]?.kind === "number" && ABOUT_MEMORY.test(name)
        ? "strace has not decoded its argument; a newer strace may"
        : "the call is not about memory, and not modelled";
    return { ...about, unexplained };
  }
  if ("lacks" in said) return { ...about, unexplained: said.lacks };
  if ("accepts" in said)
    return {
      ...about,
      unexplained: "the model accepts it: the reason is not in the trace, or not in the model",
    };
  if (said.errno === errno) return { ...about, why: said };
  return { ...about, unexplained: `the model refuses it with ${said.errno} (${said.fn}: ${said.reason})` };
}

const ABOUT_MEMORY =
  /^KVM_(SET_USER_MEMORY_REGION2?|CREATE_GUEST_MEMFD|SET_MEMORY_ATTRIBUTES|PRE_FAULT_MEMORY|(GET|CLEAR)_DIRTY_LOG)$/;

/** The same refusal of the same call is told once. */
function addRefusal(refusals: Map<string, TracedRefusal>, refusal: TracedRefusal): void {
  const { call, errno, why, unexplained } = refusal;
  const key = JSON.stringify([call, errno, why, unexplained]);
  const before = refusals.get(key);
  refusals.set(key, before === undefined ? refusal : { ...before, count: before.count + 1 });
}
