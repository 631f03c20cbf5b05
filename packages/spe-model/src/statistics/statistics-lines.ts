import { histogramLines } from "./histogram.js";
import type { SpeStatistics } from "./spe-statistics.js";

function table(entries: readonly (readonly [string, number])[], of: number): string[] {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  const digits = Math.max(0, ...entries.map(([, count]) => String(count).length));
  return entries.map(([name, count]) => {
    const share = of === 0 ? "" : ` ${`${((100 * count) / of).toFixed(1)}%`.padStart(6)}`;
    return `  ${name.padEnd(width)}  ${String(count).padStart(digits)}${share}`;
  });
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}

/**
 * The figures as text, for a terminal: a line each, no colours.
 * @param pages - how many of the hottest pages of data
 * @param bar - characters of the longest bar of a histogram
 */
export function statisticsLines(statistics: SpeStatistics, pages = 10, bar = 40): string[] {
  const summary = statistics.summary(pages);
  const { records, bytes, gaps, hottestPages } = summary;
  const total = bytes.records + bytes.unterminated + bytes.padding + bytes.bad;
  const lines = [
    `${records} records in ${total} bytes` +
      (summary.damaged > 0 ? `, ${summary.damaged} of them damaged` : ""),
    `${bytes.unterminated} bytes in records without an end, ${bytes.bad} in no packet, ${bytes.padding} of padding between records`,
    `AUX records: ${summary.truncations} truncated, ${summary.partial} partial, ${summary.collisions} with collisions`,
  ];
  lines.push(...section("Operations", table(Object.entries(summary.operations), records)));
  lines.push(...section("Events", table(Object.entries(summary.events), records)));
  lines.push(...section("Data sources", table(Object.entries(summary.dataSources), 0)));
  for (const [name, histogram] of Object.entries(statistics.latencies)) {
    if (histogram.count === 0) continue;
    const { mean, median, p99, max } = summary.latencies[name as "total"];
    const title = `Latency, ${name}: mean ${mean.toFixed(1)}, median up to ${median}, 99% up to ${p99}, most ${max} cycles`;
    lines.push(
      ...section(
        title,
        histogramLines(histogram, "cycles", bar).map((line) => `  ${line}`),
      ),
    );
  }
  const hot = hottestPages.map(({ page, records: count }) => [page, count] as const);
  const most = summary.pageCountError > 0 ? ` (counts up to ${summary.pageCountError} too high)` : "";
  lines.push(...section(`Hottest pages of data${most}`, table(hot, records)));
  const longest = gaps.map(({ offset, ticks }) => `  ${ticks} ticks before byte ${offset}`);
  lines.push(...section("Longest pauses between records", longest));
  return lines;
}
