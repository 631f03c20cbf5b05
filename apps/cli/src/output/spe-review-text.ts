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

/**
 * What NUMA balancing costs a guest that is profiled: a row for each kernel with SPE, before and after the patch, and one
 * for each way in which the SPE series keeps memory mapped.
 */
export function speReviewText(parts: readonly ReviewPart[], style: Style, width: number): string {
  const cells = parts.flatMap(({ kernel, arch, spe }) => {
    if (spe === undefined) return [];
    const own = COLUMNS.map(([, of]) => cell(of(spe.without), of(spe.with), style));
    return [
      [`${kernel} ${arch}`, ...own],
      ...spe.policies.map(({ label, profile }) => [
        `  ${label}`,
        ...COLUMNS.map(([, of]) => `${of(profile)}`),
      ]),
    ];
  });
  const answers = [...new Set(parts.flatMap(({ spe }) => (spe === undefined ? [] : [spe.text])))];
  const [first] = parts.flatMap(({ spe }) => (spe === undefined ? [] : [spe.with]));
  if (first === undefined) return "";
  const title = style.strong("Arm SPE in a guest, NUMA balancing in the host");
  const head = ["guest_memfd", ...COLUMNS.map(([name]) => name)];
  const { activities, operations, samplePeriod, seed } = first;
  const session = `${operations} operations, a sample every ${samplePeriod}, ${activities} activities of NUMA balancing, seed ${seed}; kvmm spe simulate shows more of it.`;
  const text = [session, ...answers].map((each) => wrap(each, width)).join("\n");
  return `${title}\n${table(head, cells, style, width).trimEnd()}\n\n${text}`;
}

function cell(before: number, after: number, style: Style): string {
  return before === after ? String(before) : style.good(`${before} -> ${after}`);
}
