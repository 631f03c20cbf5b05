import type { SpeSimulation, SpeSweepRow } from "@kvmm/scenario";
import type { Style } from "./style.js";
import { table, tableWidth } from "./table.js";
import { wrap } from "./wrap.js";

/** Widest bar of the plot: characters. */
const LONGEST_BAR = 60;

/** What host activity costs a guest's profile: a table, and a plot of what is missing over the interval. */
export function simulationText(rows: readonly SpeSweepRow[], style: Style, width: number): string {
  const [first] = rows.flatMap(({ runs }) => runs);
  if (first === undefined) return "";
  return `${[
    style.strong(wrap(`A guest profiled with SPE under Linux ${first.kernel}, ${describe(first)}`, width)),
    figures(rows, style, width),
    ...causes(rows, width),
    `${style.strong(wrap("Records missing, over the operations between two activities of the host", width))}\n${plot(rows, style, width)}`,
    wrap(legend(first), width),
    ...warnings(rows, style, width),
  ].join("\n\n")}\n`;
}

function describe({ activity, recovery, operations, samplePeriod, seed }: SpeSimulation): string {
  return `${activity}, recovery ${recovery}: ${operations} operations, a sample every ${samplePeriod}, seed ${seed}`;
}

/** A table for each kind of memory; intervals with the same figures are one row, or, where there is no room, one column. */
function figures(rows: readonly SpeSweepRow[], style: Style, width: number): string {
  const head = [
    "interval",
    "written",
    "lost",
    "not\nsampled",
    "SPE\nfaults",
    "in\nwindows",
    "vCPU\nfaults",
    "mapped",
  ];
  return rows
    .map(({ label, runs }) => {
      const all = runs.map((run) => [String(run.interval), ...cellsOf(run)]);
      const isSame = all.length > 1 && new Set(runs.map((run) => cellsOf(run).join())).size === 1;
      const cells = isSame ? [["any", ...all[0]!.slice(1)]] : all;
      const [titles = [], ...figures] =
        tableWidth(head, cells) > width ? transposed([head.map(inOneLine), ...cells]) : [head, ...cells];
      return `${wrap(`${label}${idle(runs)}`, width)}\n${table(titles, figures, style, width).trimEnd()}`;
    })
    .join("\n\n");
}

/** A host that cannot do what the others do is no better for losing nothing. */
function idle(runs: readonly SpeSimulation[]): string {
  const isIdle = runs.every(({ activity, activities, stopped, operations, interval }) => {
    const wasDue = activity !== "none" && stopped === undefined && operations > interval;
    return wasDue && activities === 0;
  });
  return isIdle ? ` (a host without ${runs[0]?.activity})` : "";
}

function transposed(rows: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] ?? ""));
}

const inOneLine = (title: string) => title.replaceAll("\n", " ");

/** What PMBSR_EL1 said of SPE's faults, over all runs. */
function causes(rows: readonly SpeSweepRow[], width: number): string[] {
  const counts = new Map<string, number>();
  for (const { faultsByKind } of rows.flatMap(({ runs }) => runs)) {
    for (const [kind, count] of Object.entries(faultsByKind))
      counts.set(kind, (counts.get(kind) ?? 0) + count);
  }
  if (counts.size === 0) return [];
  const each = [...counts].map(([kind, count]) => `${kind} (${count})`);
  return [wrap(`Stage-2 faults of SPE's writes, by PMBSR_EL1: ${each.join(", ")}.`, width)];
}

function cellsOf(run: SpeSimulation): string[] {
  const { written, read, lost, blackoutSamples, faults, windowFaults, vcpuFaults } = run;
  const { mappedPages, bufferPages } = run;
  const counts = [written, lost + written - read, blackoutSamples, faults, windowFaults, vcpuFaults];
  return [...counts.map(String), `${mappedPages}/${bufferPages}`];
}

const NONE = "none at any interval";

/** A bar for each interval, of the same scale for all kinds of memory. */
function plot(rows: readonly SpeSweepRow[], style: Style, width: number): string {
  const runs = rows.flatMap((row) => row.runs);
  const most = Math.max(1, ...runs.map(({ missing }) => missing));
  const digits = Math.max(...runs.map(({ interval }) => String(interval).length));
  const room = Math.max(8, Math.min(LONGEST_BAR, width - digits - 20));
  const bar = ({ interval, missing, written }: SpeSimulation) => {
    const share = ((100 * missing) / Math.max(1, missing + written)).toFixed(0);
    const length = missing === 0 ? 0 : Math.max(1, Math.round((room * missing) / most));
    return `    ${String(interval).padStart(digits)} ${style.bad("#".repeat(length))}${length === 0 ? "" : " "}${missing} (${share}%)`;
  };
  return rows
    .map((row) => {
      const isWhole = row.runs.every(({ missing }) => missing === 0);
      if (isWhole) {
        const isWide = row.label.length + NONE.length + 4 > width;
        return `  ${row.label}:${isWide ? "\n    " : " "}${style.good(NONE)}`;
      }
      return [`  ${row.label}`, ...row.runs.map(bar)].join("\n");
    })
    .join("\n");
}

function legend({ recovery }: SpeSimulation): string {
  const after =
    recovery === "touch"
      ? "After a fault the guest writes to all of its buffer, which maps it again; Linux' driver does not do that: see --recovery driver."
      : "After a fault Linux' driver disables the event, and perf enables it again once it has read what was written. A page that nobody touched stays unmapped. Once a record faults there with nothing to be read before it, the event stays disabled.";
  return `Missing: lost to a fault or with its memory, and due while profiling was off, from the fault until perf has read the buffer and enabled the event again, which it does only if there is something to read. In windows: between break and make of an entry that maps the buffer again right after. Mapped: pages of the buffer that SPE can write to at the end. ${after}`;
}

function warnings(rows: readonly SpeSweepRow[], style: Style, width: number): string[] {
  return rows.flatMap(({ label, runs }) => {
    const all = runs.flatMap((run) => run.warnings);
    const stopped = runs.find((run) => run.stopped !== undefined)?.stopped;
    if (stopped !== undefined) return [style.bad(wrap(`Ended early with ${label}: ${stopped}`, width, "  "))];
    return all.length === 0 ? [] : [style.bad(wrap(`WARNING with ${label}: ${all[0]}`, width, "  "))];
  });
}
