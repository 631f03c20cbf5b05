import {
  callFormat,
  callNames,
  didYouMean,
  explainCalls,
  explainTrace,
  isCallName,
  readScenario,
  type Scenario,
} from "@kvmm/scenario";
import { readStrace } from "@kvmm/traces";
import type { Context, ExitStatus } from "../context.js";
import { exists, nameOf, readBytes } from "../input/read-bytes.js";
import { type MachineOptions, resolveOptions, withMachineOptions } from "../options.js";
import { callsText, traceText } from "../output/explain-text.js";
import { toJson } from "../output/json.js";
import { styleFor } from "../output/style.js";
import { widthOf } from "../output/width.js";
import { UsageError } from "../usage-error.js";
import { type AddCommand, examples } from "./command.js";

export const addExplain: AddCommand = (program, context, end) => {
  withMachineOptions(
    program
      .command("explain")
      .argument(
        "<what...>",
        "calls with their arguments, or a file that strace has written, or - for one on standard input",
      ),
  )
    .summary("why a call is refused; a VMM's strace as a memory map")
    .description(
      [
        "Makes calls one after the other, named as in scenarios, and says of each that is refused which kernel",
        "function refuses it, why, and what it would accept; then the memory that the guest has. A VM is there",
        "already, under the names kvm, vm and vcpu. Or reads what strace -f -e trace=ioctl,mmap,munmap,madvise",
        "printed of a VMM, and says the same of its calls, of the memory of each of its VMs, and of what in it one",
        "might not expect. With mremap,mprotect,memfd_create,openat,close,dup,fcntl,ftruncate,fallocate,clone,",
        "fork,execve traced as well it knows more. Ends with 1 where a call is refused, or where a refusal in a",
        "trace is not explained.",
      ].join(" "),
    )
    .addHelpText(
      "after",
      examples(
        ["kvmm explain KVM_SET_USER_MEMORY_REGION slot=0 memory_size=4p userspace_addr=0x1001", "why EINVAL"],
        [
          "kvmm explain KVM_CREATE_GUEST_MEMFD size=4p as=gmem \\\n      KVM_SET_USER_MEMORY_REGION2 flags=KVM_MEM_GUEST_MEMFD memory_size=4p guest_memfd=gmem",
          "two calls, of which the second uses what the first returned",
        ],
        ["kvmm explain vmm.strace", "every refusal in a VMM's strace, and its memory map"],
        ["kvmm explain vmm.strace --json", "the same as JSON"],
      ),
    )
    .action(async (what: string[], options: MachineOptions) => {
      end(await explain(what, options, context));
    });
};

async function explain(
  what: readonly string[],
  options: MachineOptions,
  context: Context,
): Promise<ExitStatus> {
  const resolved = await resolveOptions(options, context);
  const style = styleFor(options.color, context);
  const width = widthOf(context);
  if (isCallName(what[0]!)) {
    const explained = explainCalls(scenarioOf(what), resolved);
    context.stdout.write(options.json === true ? toJson(explained) : callsText(explained, style, width));
    return explained.calls.every(({ outcome }) => outcome === "accepted") ? 0 : 1;
  }
  const file = await onlyFile(what);
  const trace = readStrace(new TextDecoder().decode(await readBytes(file, context)));
  if (trace.calls.length === 0) {
    const [first] = trace.problems;
    const where = first === undefined ? "it is empty" : `line ${first.line} ${first.problem}`;
    throw new UsageError(`${nameOf(file)} is not what strace prints: ${where}`);
  }
  const explained = { ...explainTrace(trace.calls, resolved), lines: trace.lines, problems: trace.problems };
  context.stdout.write(
    options.json === true ? toJson(explained) : traceText(nameOf(file), explained, style, width),
  );
  const open = explained.refusals.some(({ why }) => why === undefined) || explained.differences.length > 0;
  return open ? 1 : 0;
}

async function onlyFile(what: readonly string[]): Promise<string> {
  const [file = "", ...more] = what;
  const looksLikeCall = /^[A-Za-z_]\w*$/.test(file) && !(await exists(file));
  if (looksLikeCall) {
    const hint = didYouMean(file, callNames) ?? "a file of that name does not exist either";
    throw new UsageError(`unknown call "${file}"; ${hint}`);
  }
  if (more.length > 0) throw new UsageError(`one file at a time, not ${more[0]} as well`);
  return file;
}

/** `CALL name=value ... CALL ...` as the steps of a scenario. */
function scenarioOf(words: readonly string[]): Scenario {
  const steps: { call: string; args: Record<string, unknown>; as?: string }[] = [];
  for (const word of words) {
    const at = word.indexOf("=");
    const name = word.slice(0, at);
    if (at < 0) {
      if (!isCallName(word)) {
        const hint =
          didYouMean(word, callNames) ?? "calls are named as in scenarios, arguments are name=value";
        throw new UsageError(`"${word}" is neither a call nor name=value; ${hint}`);
      }
      steps.push({ call: word, args: {} });
      continue;
    }
    const step = steps.at(-1)!;
    const value = word.slice(at + 1);
    if (name === "as") step.as = value;
    else step.args[name] = isCallName(step.call) ? listed(step.call, name, value) : value;
  }
  return readScenario(JSON.stringify({ steps }), { file: "command line" });
}

/** Flags are joined by `|`, as in C, and the numbers of a list by commas. */
function listed(
  call: Parameters<typeof callFormat>[0],
  name: string,
  value: string,
): string | readonly string[] {
  const type = callFormat(call).args[name]?.type.name;
  if (type === "flags") return value === "0" || value === "" ? [] : value.split("|");
  return type === "numbers" ? value.split(",") : value;
}
