// What decoding SPE costs, beside perf and a loop that only reads: `npm run bench -- spe`; MEGABYTES says of how much.
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  decodeColumns,
  dumpLines,
  PacketDecoder,
  RecordColumns,
  RecordDecoder,
  SpeStatistics,
} from "@kvmm/spe-model";
import { writePerfData } from "@kvmm/traces";
import { type Measured, measure } from "./measure.js";
import { perfDump, perfLines, perfVersion } from "./perf.js";
import { speStream } from "./stream.js";

const megabytes = Number(process.env["MEGABYTES"] ?? 16);
if (!(megabytes >= 1 && megabytes <= 512)) throw new Error("MEGABYTES should be 1 to 512");
const result = new URL("../results/spe.json", import.meta.url).pathname;
const CHUNK = 1 << 16;
const RUNS = 5;
/** Of what takes long: printing. */
const RUNS_PRINTING = 3;

const bytes = speStream(megabytes << 20);
const records = bytes.length / 64;
const measured: Measured[] = [];
let sum = 0;

function run(name: string, of: () => unknown, runs = RUNS): void {
  const each = measure(name, bytes.length, records, runs, () => {
    const seconds = of();
    return typeof seconds === "number" ? seconds : undefined;
  });
  measured.push(each);
  const rate = `${each.megabytesPerSecond.toFixed(1).padStart(8)} MB/s`;
  console.log(
    `${name.padEnd(44)} ${rate} ${(each.recordsPerSecond / 1e6).toFixed(3).padStart(8)} M records/s`,
  );
}

run("bound: every byte is read", () => {
  let own = 0;
  for (let at = 0; at < bytes.length; at++) own += bytes[at]!;
  sum += own;
});

const columns = new RecordColumns(1 << 15);
run("columns", () => {
  for (let from = 0; from < bytes.length; ) {
    from = decodeColumns(bytes, columns, { from });
    sum += columns.count;
    columns.clear();
  }
});

run("columns and statistics", () => {
  const statistics = new SpeStatistics();
  for (let from = 0; from < bytes.length; ) {
    from = decodeColumns(bytes, columns, { from });
    statistics.addColumns(columns);
    columns.clear();
  }
  sum += statistics.summary().records;
});

run("stream of packets, chunks of 64 KiB", () => {
  const decoder = new PacketDecoder();
  let own = 0;
  const sink = (packet: { size: number }) => {
    own += packet.size;
  };
  for (let at = 0; at < bytes.length; at += CHUNK) decoder.push(bytes.subarray(at, at + CHUNK), sink);
  decoder.end(sink);
  sum += own;
});

run("stream of records, chunks of 64 KiB", () => {
  const decoder = new RecordDecoder();
  let own = 0;
  const sink = (item: { size: number }) => {
    own += item.size;
  };
  for (let at = 0; at < bytes.length; at += CHUNK) decoder.push(bytes.subarray(at, at + CHUNK), sink);
  decoder.end(sink);
  sum += own;
});

const version = perfVersion();
const words = version?.startsWith("6.1.") ? "6.1" : "7.2";
const folder = mkdtempSync(join(tmpdir(), "kvmm-bench-"));
let samePackets: boolean | undefined;
try {
  const path = join(folder, "perf.data");
  run(
    "raw dump as perf prints it, to /dev/null",
    () => {
      const out = openSync("/dev/null", "w");
      let text = "";
      for (const line of dumpLines(bytes, { version: words, asPerf: true })) {
        text += `${line}\n`;
        if (text.length > CHUNK) {
          writeSync(out, text);
          text = "";
        }
      }
      writeSync(out, text);
      closeSync(out);
    },
    RUNS_PRINTING,
  );
  if (version) {
    writeFileSync(path, writePerfData({ aux: [{ cpu: 0, tid: -1, bytes }] }));
    run(`perf ${version} report -D, to /dev/null`, () => perfDump(path), RUNS_PRINTING);
    const part = bytes.subarray(0, 1 << 20);
    writeFileSync(path, writePerfData({ aux: [{ cpu: 0, tid: -1, bytes: part }] }));
    const ours = [...dumpLines(part, { version: words, asPerf: true })];
    const theirs = perfLines(path);
    samePackets = ours.length === theirs.length && ours.every((line, n) => line === theirs[n]);
    console.log(`first MiB: ${ours.length} lines, ${samePackets ? "the same" : "NOT the same"} as perf's`);
    if (!samePackets) process.exitCode = 1;
  } else console.log("perf is not installed: apt-get install linux-perf");
} finally {
  rmSync(folder, { recursive: true });
}

mkdirSync(dirname(result), { recursive: true });
const rounded = (value: number) => Number(value.toPrecision(3));
const rate = (way: Measured | undefined) => way?.megabytesPerSecond ?? Number.NaN;
const [bound, perf] = [measured[0], version === undefined ? undefined : measured.at(-1)];
const document = {
  unit: `per CPU second; middle of ${RUNS} runs, of ${RUNS_PRINTING} where text is printed; ${megabytes} MiB of records of 64 bytes`,
  tools: { node: process.version, cpu: cpus()[0]?.model ?? "unknown", perf: version ?? "not installed" },
  rows: measured.map((way) => ({
    way: way.name,
    "MB/s": rounded(way.megabytesPerSecond),
    "records/s": rounded(way.recordsPerSecond),
    "x bound": rounded(rate(way) / rate(bound)),
    ...(perf === undefined ? {} : { "x perf's dump": rounded(rate(way) / rate(perf)) }),
  })),
  ...(samePackets === undefined ? {} : { "the first MiB is printed as perf prints it": samePackets }),
};
writeFileSync(result, `${JSON.stringify(document, null, 2)}\n`);
console.log(`written to ${result} (${sum})`);
