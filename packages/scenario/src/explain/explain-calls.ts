import { NotModelled, type Refusal } from "@kvmm/mm-core";
import type { Scenario } from "../format/scenario.js";
import type { Step } from "../format/step.js";
import type { RunOptions } from "../model.js";
import { renderStep } from "../render/step.js";
import { callStep } from "../run/call-step.js";
import { settingOf } from "../run/run-scenario.js";
import { World } from "../run/world.js";
import type { ExplainedCall, ExplainedCalls, WhyRefused } from "./explained.js";
import { memoryMapOf } from "./memory-map.js";

/** Makes the steps of a scenario one after the other, and says of each why it was refused, if it was. */
export function explainCalls(scenario: Scenario, options: RunOptions = {}): ExplainedCalls {
  const { kernel, arch, behaviour } = settingOf(scenario, options);
  const world = new World({ ...scenario.machine, arch }, behaviour);
  const calls: ExplainedCall[] = [];
  for (const step of scenario.steps) {
    const explained = explainStep(world, step);
    calls.push(explained);
    if (explained.outcome === "not modelled") break;
  }
  return {
    kernel: kernel.name,
    arch,
    calls,
    map: memoryMapOf(world.kvm, world.vmm.mm, { hidden: world.predefined }),
  };
}

function explainStep(world: World, step: Step): ExplainedCall {
  const text = renderStep(step);
  try {
    const outcome = callStep(world, world.task(step.task), step, (name) => world.names.get(name));
    const { refusal, value, observation } = outcome;
    if (refusal !== undefined) return { text, outcome: "refused", refusal: whyRefused(refusal) };
    if (step.as !== undefined) world.give(step, value ?? 0n, outcome.task);
    const [exit] = observation?.exits ?? [];
    if (exit === undefined) return { text, outcome: "accepted" };
    const { exit: reason, errno, signal } = exit;
    return {
      text,
      outcome: "accepted",
      note: [reason, errno, signal].filter((part) => part !== undefined).join(", "),
    };
  } catch (error) {
    if (error instanceof NotModelled) return { text, outcome: "not modelled", note: error.message };
    throw error;
  }
}

export function whyRefused({ errno, fn, reason, accepted }: Refusal): WhyRefused {
  return { errno, fn, reason, ...(accepted === undefined ? {} : { accepted }) };
}
