import type { ReviewPart, SpeAnswer, SpeSimulation } from "@kvmm/scenario";
import type { Style } from "./style.js";
import { table } from "./table.js";
import { wrap } from "./wrap.js";

const COLUMNS: readonly (readonly [head: string, of: (run: SpeSimulation) => number])[] = [
  ["written", ({ written }) => written],
  ["lost", ({ lost, written, read }) => lost + written - read],
  ["not\nsampled", ({ blackoutSamples }) => blackoutSamples],
  ["SPE\nfaults", ({ faults }) => faults],
  ["vCPU\nfaults", ({ vcpuFaults }) => vcpuFaults],
];

/**
 * What NUMA balancing costs a guest that is profiled: a row before and after the patch, and one for each way in which the
 * SPE series keeps memory mapped. Kernels of which all that is the same are one table.
 */
export function speReviewText(parts: readonly ReviewPart[], style: Style, width: number): string {
  const answers = parts.flatMap(({ kernel, arch, spe }) =>
    spe === undefined ? [] : [{ kernel, arch, spe }],
  );
  const [first] = answers;
  if (first === undefined) return "";
  const same = new Map<string, typeof answers>();
  for (const answer of answers) {
    const key = JSON.stringify([rowsOf(answer.spe, style), answer.spe.text]);
    same.set(key, [...(same.get(key) ?? []), answer]);
  }
  const tables = [...same.values()].map((alike) => {
    const { arch, spe } = alike[0]!;
    const kernels = alike.map(({ kernel }) => kernel).join(" and ");
    const head = ["memory, policy", ...COLUMNS.map(([name]) => name)];
    const rows = table(head, rowsOf(spe, style), style, width).trimEnd();
    return `On ${kernels}, ${arch}\n${rows}\n\n${wrap(spe.text, width)}`;
  });
  const { activities, operations, samplePeriod, seed } = first.spe.with;
  const session = `Records of ${operations} operations, a sample every ${samplePeriod}, ${activities} activities of NUMA balancing, seed ${seed}; kvmm spe simulate shows more of it.`;
  const title = style.strong("Arm SPE in a guest, NUMA balancing in the host");
  return `${title}\n${wrap(session, width)}\n\n${tables.join("\n\n")}`;
}

function rowsOf({ without, with: patched, policies }: SpeAnswer, style: Style): string[][] {
  const changed = COLUMNS.map(([, of]) => {
    const after = String(of(patched));
    return of(without) === of(patched) ? after : style.good(after);
  });
  return [
    ["guest_memfd", ...figures(without)],
    ["guest_memfd, patched", ...changed],
    ...policies.map(({ label, profile }) => [label, ...figures(profile)]),
  ];
}

const figures = (run: SpeSimulation) => COLUMNS.map(([, of]) => String(of(run)));
