import type { LaneStep, Violation } from "@kvmm/scenario";
import type { Style } from "./style.js";
import { wrap } from "./wrap.js";

/** A race: one lane per thread, the shared state beside each step, and at the end the sentence that says what went wrong. */
export function lanes({ interleaving = [], text, property }: Violation, style: Style, width: number): string {
  const threads = [...new Set(interleaving.map(({ thread }) => thread))];
  const ending = style.bad(wrap(`${property}: ${text}`, width, "  "));
  if (threads.length === 0) return `${ending}\n`;
  const columns =
    width >= 30 * (threads.length + 1)
      ? asColumns(interleaving, threads, width)
      : asList(interleaving, width);
  return `${columns}${ending}\n`;
}

function asColumns(steps: readonly LaneStep[], threads: readonly string[], width: number): string {
  const lane = Math.min(44, Math.floor(width / (threads.length + 1)) - 2);
  const rest = width - threads.length * (lane + 2);
  const head = [...threads, "state"]
    .map((name) => name.padEnd(lane))
    .join("  ")
    .trimEnd();
  const rows = steps.map((step) => {
    const cells = threads.map((thread) =>
      thread === step.thread ? wrap(`${step.fn}: ${step.text}`, lane).split("\n") : [],
    );
    const state = wrap(stateOf(step), rest).split("\n");
    const height = Math.max(state.length, ...cells.map((cell) => cell.length));
    return Array.from({ length: height }, (_, i) =>
      [...cells.map((cell) => (cell[i] ?? "").padEnd(lane)), state[i] ?? ""].join("  ").trimEnd(),
    ).join("\n");
  });
  return `${[head, ...rows].join("\n")}\n`;
}

function asList(steps: readonly LaneStep[], width: number): string {
  const row = (step: LaneStep) =>
    wrap(`${step.thread}  ${step.fn}: ${step.text}  [${stateOf(step)}]`, width, "    ");
  return `${steps.map(row).join("\n")}\n`;
}

const stateOf = ({ state }: LaneStep) =>
  Object.entries(state)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
