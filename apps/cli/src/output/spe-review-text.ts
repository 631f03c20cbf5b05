import type { ReviewPart, SpeSimulation } from "@kvmm/scenario";
import type { Style } from "./style.js";
import { table } from "./table.js";
import { wrap } from "./wrap.js";

const COLUMNS: readonly (readonly [head: string, of: (run: SpeSimulation) => number])[] = [
  ["records written", ({ written }) => written],
  ["lost", ({ lost, written, read }) => lost + written - read],
  ["not sampled", ({ blackoutSamples }) => blackoutSamples],
  ["SPE faults", ({ faults }) => faults],
  ["vCPU faults", ({ vcpuFaults }) => vcpuFaults],
];

/** What NUMA balancing costs a guest that is profiled: a row for each kernel with SPE, before and after the patch. */
export function speReviewText(parts: readonly ReviewPart[], style: Style, width: number): string {
  const cells = parts.flatMap(({ kernel, arch, spe }) =>
    spe === undefined
      ? []
      : [[`${kernel} ${arch}`, ...COLUMNS.map(([, of]) => cell(of(spe.without), of(spe.with), style))]],
  );
  const answers = [...new Set(parts.flatMap(({ spe }) => (spe === undefined ? [] : [spe.text])))];
  if (cells.length === 0) return "";
  const title = style.strong("Arm SPE in a guest, NUMA balancing in the host");
  const head = ["kernel", ...COLUMNS.map(([name]) => name)];
  const text = answers.map((answer) => wrap(answer, width)).join("\n");
  return `${title}\n${table(head, cells, style, width).trimEnd()}\n\n${text}`;
}

function cell(before: number, after: number, style: Style): string {
  return before === after ? String(before) : style.good(`${before} -> ${after}`);
}
