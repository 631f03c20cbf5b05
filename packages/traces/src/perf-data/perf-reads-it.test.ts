import { describe, expect, test } from "vitest";
import { perf, perfVersion, speDumps, wording } from "../../testing/installed-perf.js";
import { speText, speVector } from "../../testing/spe-vector.js";
import { writePerfData } from "./write-perf-data.js";

const words = wording();

describe.skipIf(words === undefined)(`perf ${perfVersion?.join(".")}`, () => {
  const file = (name: string) => writePerfData({ aux: [{ cpu: 0, tid: -1, bytes: speVector(name) }] });

  test.each(["neoverse-el2", "arm-telemetry"])("prints the packets of %s", (name) => {
    expect(speDumps(perf(file(name), "report", "-D"))).toEqual([speText(name, words!)]);
  });

  test("prints every packet, alignments where they stand in the buffer among them", () => {
    const [lines] = speDumps(perf(file("every-packet"), "report", "-D"));
    const short = lines!.slice(1).map((line) => `${line.slice(3, 11)} ${line.slice(62)}`.trimEnd());
    expect(short).toEqual(speText("every-packet", words!).map((line) => line.trimEnd()));
  });

  test("finds each CPU's data, and what the driver said of it", () => {
    const bytes = speVector("neoverse-el2");
    const output = perf(
      writePerfData({
        comms: [{ pid: 7, tid: 7, comm: "workload" }],
        mmaps: [
          { pid: 7, tid: 7, start: 0x400000n, length: 0x1000n, pageOffset: 0n, filename: "/bin/workload" },
        ],
        aux: [
          { cpu: 0, tid: -1, bytes, flags: { truncated: true, partial: true } },
          { cpu: 3, tid: -1, auxOffset: 4104, bytes, flags: { collision: true } },
        ],
      }),
      "report",
      "-D",
    );
    expect(speDumps(output)).toHaveLength(2);
    expect(output).toContain("PERF_RECORD_AUX offset: 0 size: 0x80 flags: 0x5 [TP]");
    expect(output).toMatch(/PERF_RECORD_AUX offset: 0x1008 size: 0x80 flags: 0x8/);
    expect(output).toMatch(
      /PERF_RECORD_AUXTRACE size: 0x80 {2}offset: 0x1008 {2}ref: 0 {2}idx: 1 {2}tid: -1 {2}cpu: 3/,
    );
    expect(output).toContain("PERF_RECORD_COMM: workload:7/7");
    expect(output).toContain("/bin/workload");
  });

  test("makes samples of the records", () => {
    const output = perf(file("neoverse-el2"), "script", "--itrace=i1i");
    expect(output).toContain("ffffba66eda1c2d0");
    expect(output).toContain("ffffba66edefb0e0");
  });
});

test("the installed perf is one that the golden texts know", (context) => {
  context.skip(perfVersion === undefined, "perf is not installed: apt-get install linux-perf");
  context.skip(words === undefined, `no golden text for perf ${perfVersion?.join(".")}`);
  expect(words).toBeDefined();
});
