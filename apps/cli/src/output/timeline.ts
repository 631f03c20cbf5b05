import {
  type Observation,
  type RunResult,
  renderExit,
  renderFault,
  renderField,
  renderNotifier,
  renderPages,
  renderStep,
  type Scenario,
} from "@kvmm/scenario";
import type { Style } from "./style.js";
import { field, wrap } from "./wrap.js";

/** The steps of a run, one after the other: the call, what it returned and why, and what it did to guest memory. */
export function timeline(scenario: Scenario, result: RunResult, style: Style, width: number): string {
  const digits = String(scenario.steps.length - 1).length;
  const indent = " ".repeat(digits + 2);
  const lines: string[] = [];
  for (const [index, step] of scenario.steps.entries()) {
    const observed = result.observed[index];
    const missing = result.notModelled.find(
      (lacking) => lacking.step === index && lacking.thread === undefined,
    );
    lines.push(`${String(index).padStart(digits)}  ${wrap(renderStep(step), width, `${indent}    `)}`);
    if (missing !== undefined)
      lines.push(style.unsure(field("", `not modelled: ${missing.why}`, width, indent)));
    else if (observed === undefined) lines.push(style.faint(field("", "not reached", width, indent)));
    else lines.push(...whatHappened(observed, result.steps[index]?.refusal, style, width, indent));
  }
  return lines.map((line) => `${line}\n`).join("");
}

function whatHappened(
  observed: Observation,
  refusal: RunResult["steps"][number]["refusal"],
  style: Style,
  width: number,
  indent: string,
): string[] {
  const lines: string[] = [];
  if (observed.errno !== undefined) {
    const why = refusal === undefined ? "" : ` from ${refusal.fn}: ${refusal.reason}`;
    lines.push(style.bad(field("fails", `${observed.errno}${why}`, width, indent)));
  } else if (observed.ret !== undefined && observed.ret !== 0)
    lines.push(field("returns", String(observed.ret), width, indent));
  for (const notifier of observed.notifiers ?? [])
    lines.push(field("notifier", renderNotifier(notifier), width, indent));
  for (const fault of observed.faults ?? []) lines.push(field("fault", renderFault(fault), width, indent));
  for (const exit of observed.exits ?? [])
    lines.push(style.bad(field("exit", renderExit(exit), width, indent)));
  for (const { signal, code, pages } of observed.signals ?? [])
    lines.push(
      style.bad(
        field("signal", `${[signal, code].filter(Boolean).join(" ")} ${renderPages(pages)}`, width, indent),
      ),
    );
  for (const name of [
    "waits",
    "value",
    "frames",
    "bitmap",
    "status",
    "mode",
    "resident",
    "idle",
    "target",
  ] as const)
    if (observed[name] !== undefined) lines.push(field(name, renderField(observed, name), width, indent));
  return lines;
}
