import { dataSourceEncoding, SpeStatistics, type SpeSummary, statisticsLines } from "@kvmm/spe-model";
import { wrap } from "../output/wrap.js";
import type { SpeInput } from "./spe-input.js";
import { recordBatches } from "./spe-stream.js";

/** The figures of all streams together. Where CPUs differ in what data sources mean, the first one's meaning counts. */
export async function statisticsOf({ streams }: SpeInput): Promise<SpeStatistics> {
  const statistics = new SpeStatistics(dataSourceEncoding(streams[0]?.midr ?? 0n));
  for (const stream of streams) {
    statistics.nextStream();
    for (const note of stream.notes) statistics.addNote(note);
    let account = { records: 0, unterminated: 0, padding: 0, bad: 0 };
    for await (const { columns } of recordBatches(stream)) {
      statistics.addColumns(columns);
      account = columns.account;
    }
    statistics.addAccount(account);
  }
  return statistics;
}

export function statisticsText(statistics: SpeStatistics, pages: number, width: number): string {
  const bar = Math.max(8, Math.min(40, width - BEFORE_BAR));
  const lines = statisticsLines(statistics, pages, bar);
  return `${lines.map((line) => (line.length > width ? wrap(line, width, "  ") : line)).join("\n")}\n`;
}

/** What stands before the bars of a histogram, at most: a range, its unit, a count and a share. */
const BEFORE_BAR = 40;

export interface StatisticsDocument extends SpeSummary {
  readonly file: string;
  readonly format: SpeInput["format"];
  readonly streams: readonly { readonly cpu: number | null; readonly tid: number | null }[];
  readonly error: string | null;
}

export function statisticsDocument(
  input: SpeInput,
  file: string,
  statistics: SpeStatistics,
  pages: number,
): StatisticsDocument {
  return {
    file,
    format: input.format,
    streams: input.streams.map(({ of }) => ({ cpu: of?.cpu ?? null, tid: of?.tid ?? null })),
    ...statistics.summary(pages),
    error: input.error?.problem ?? null,
  };
}
