import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeRecord, type SpeRecord } from "@kvmm/spe-model";
import { type SpeRecording, writePerfData } from "@kvmm/traces";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { kvmm } from "./fake-context.js";
import { file, folder, neoverse, perfData, raw, text, whole } from "./spe-files.js";

describe("kvmm spe decode", () => {
  test("prints a perf.data file as perf's raw dump does", async () => {
    const { status, stdout, stderr } = await kvmm(["spe", "decode", whole]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const packets = (dump: string) =>
      dump
        .split("\n")
        .filter((line) => /^\. {2}[0-9a-f]{8}:/.test(line))
        .map((line) => line.trimEnd());
    expect(packets(stdout)).toEqual(packets(text("neoverse-el2.perf-7.2.txt")));
    expect(stdout).toMatch(/^CPU 3, AUX offset 0x0\n\. \.\.\. ARM SPE data: size 0x80 bytes\n/);
  });

  test("takes nothing but SPE packets as well, and standard input", async () => {
    const fromFile = await kvmm(["spe", "decode", raw]);
    const fromInput = await kvmm(["spe", "decode", "-"], { stdin: neoverse });
    expect(fromFile.stdout).toContain("LAT 12 TOT");
    expect(fromInput).toEqual(fromFile);
  });

  test("is one document with --json, with a row for each record", async () => {
    const { stdout } = await kvmm(["spe", "decode", whole, "--json"]);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ file: whole, format: "perf.data", error: null });
    expect(document.streams).toHaveLength(1);
    expect(document.streams[0]).toMatchObject({ cpu: 3, tid: -1, bytes: { records: 128, bad: 0 } });
    expect(document.streams[0].notes[0].truncated).toBe(true);
    expect(document.streams[0].records.map((row: { operation: string }) => row.operation)).toEqual([
      "load",
      "branch conditional",
    ]);
  });

  test("is a table with --csv, whose first columns are CPU and thread", async () => {
    const { stdout } = await kvmm(["spe", "decode", whole, "--csv"]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^cpu,tid,offset,operation,pc,/);
    expect(lines[1]).toMatch(/^3,-1,0,load,0xffff/);
  });

  test("puts a record together that goes over the end of a piece of AUX data", async () => {
    const at = 40;
    const aux = [
      { cpu: 0, tid: -1, bytes: neoverse.subarray(0, at) },
      { cpu: 0, tid: -1, bytes: neoverse.subarray(at), auxOffset: at },
    ];
    const { stdout } = await kvmm(["spe", "stats", perfData("pieces.data", { aux }), "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ records: 2, bytes: { bad: 0, unterminated: 0 } });
  });
});

test("packets are printed no faster than they are read", async () => {
  const many = new Uint8Array(neoverse.length * 3000);
  for (let at = 0; at < many.length; at += neoverse.length) many.set(neoverse, at);
  let waits = 0;
  const onDrain = () => void waits++;
  await kvmm(["spe", "decode", "-"], { stdin: many, onDrain });
  expect(waits).toBeGreaterThan(many.length / 65536);
});

describe("what `perf record -z` wrote is told as that", () => {
  /** One record of the file becomes a compressed one. */
  function compressed(name: string, aux: SpeRecording["aux"], at: number): string {
    const bytes = writePerfData({ aux });
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const first = Number(view.getBigUint64(40, true));
    view.setUint32(first + at, 81, true);
    return file(name, bytes);
  }

  test("where nothing else is in the file", async () => {
    const { status, stderr, stdout } = await kvmm(["spe", "decode", compressed("z-only.data", [], 0)]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("has compressed records only, which are not read");
  });

  test("where SPE's data is there, but not what the driver said of it", async () => {
    const aux = [{ cpu: 0, tid: -1, bytes: neoverse, flags: { truncated: true } }];
    // The AUX record stands behind AUXTRACE_INFO, which has 32 bytes.
    const path = compressed("z-too.data", aux, 32);
    const { status, stderr, stdout } = await kvmm(["spe", "stats", path]);
    expect(stdout).toMatch(/^2 records in 128 bytes\n/);
    expect(stdout).not.toContain("1 truncated");
    expect(stderr).toContain(
      "has all SPE data, but also compressed records, which are not read: what the driver",
    );
    expect(status).toBe(2);
  });
});

describe("progress, on a terminal", () => {
  test("tells how much has been decoded, and is gone in the end", async () => {
    const { stderr } = await kvmm(["spe", "stats", whole], { tty: true });
    expect(stderr).toContain("1/1 MiB of SPE data");
    expect(stderr.endsWith("\r\x1b[K")).toBe(true);
    expect((await kvmm(["spe", "stats", whole])).stderr).toBe("");
  });

  test("tells how much of standard input has been read", async () => {
    const stdin = new Uint8Array(neoverse.length * 3000);
    for (let at = 0; at < stdin.length; at += neoverse.length) stdin.set(neoverse, at);
    const { stderr } = await kvmm(["spe", "stats", "-"], { tty: true, stdin });
    expect(stderr).toContain("1 MiB of standard input");
  });

  test("is left out where the packets are printed on the terminal", async () => {
    expect((await kvmm(["spe", "decode", whole], { tty: true })).stderr).toBe("");
    expect((await kvmm(["spe", "decode", whole], { ttyOfErrors: true })).stderr).toContain("1/1 MiB");
  });
});

test("packets that pass through a pipe are decoded as they come, and nothing of them is kept", async () => {
  const many = new Uint8Array(neoverse.length * 3001);
  for (let at = 0; at < many.length; at += neoverse.length) many.set(neoverse, at);
  const stored = file("many.bin", many);
  const stdin = async function* () {
    for (let at = 0; at < many.length; at += 10_007) yield many.subarray(at, at + 10_007);
  };
  // A copy could not be made.
  vi.stubEnv("TMPDIR", "/nowhere/at/all");
  try {
    for (const form of [[], ["--csv"], ["--json"]]) {
      const piped = await kvmm(["spe", "decode", "-", ...form], { chunks: stdin });
      const whole = await kvmm(["spe", "decode", stored, ...form]);
      const same = (stdout: string) =>
        stdout
          .replace(/ARM SPE data: .*/, "")
          .replace(/"file": .*/, "")
          .split("\n");
      expect({ status: piped.status, stderr: piped.stderr }).toEqual({ status: 0, stderr: "" });
      expect(same(piped.stdout)).toEqual(same(whole.stdout));
      // CSV does not have every bit.
      if (form[0] === "--csv") continue;
      const again = join(folder, "piped.bin");
      const encoded = await kvmm(["spe", "encode", "-", "--raw", "-o", again], { stdin: piped.stdout });
      expect(encoded.stderr).toBe("");
      expect(readFileSync(again).equals(many)).toBe(true);
    }
  } finally {
    vi.unstubAllEnvs();
  }
});

test("a FIFO is read as standard input is", async () => {
  const fifo = join(folder, "fifo");
  execFileSync("mkfifo", [fifo]);
  const writer = spawn("sh", ["-c", 'cat "$1" > "$2"', "sh", raw, fifo]);
  const written = once(writer, "exit");
  const { stdout, status } = await kvmm(["spe", "decode", fifo, "--csv"]);
  await written;
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: (await kvmm(["spe", "decode", raw, "--csv"])).stdout,
  });
});

test("a perf.data through a pipe is read as from a file", async () => {
  const { stdout, status } = await kvmm(["spe", "decode", "-"], { stdin: readFileSync(whole) });
  expect({ stdout, status }).toEqual({ stdout: (await kvmm(["spe", "decode", whole])).stdout, status: 0 });
});

describe("kvmm spe stats", () => {
  test("sums up, with histograms", async () => {
    const { status, stdout } = await kvmm(["spe", "stats", whole]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^2 records in 128 bytes\n/);
    expect(stdout).toContain("AUX records: 1 truncated");
    expect(stdout).toMatch(/16-31 cycles 1 {2}50\.0% #+\n/);
  });

  test.each([60, 80])("fits in %i columns", async (columns) => {
    const { stdout } = await kvmm(["spe", "stats", whole], { columns });
    expect(Math.max(...stdout.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(columns);
    expect(stdout).toMatch(/16-31 cycles 1 {2}50\.0% #{20}/);
  });

  test("has the same figures as JSON", async () => {
    const { stdout } = await kvmm(["spe", "stats", raw, "--json", "--pages", "1"]);
    expect(JSON.parse(stdout)).toMatchObject({
      format: "raw",
      records: 2,
      operations: { load: 1 },
      error: null,
    });
  });

  test("takes many records of several CPUs in batches", async () => {
    const one = encodeRecord({
      pc: { address: 0x400000n, el: 0, ns: true, nse: false },
      timestamp: 7n,
    } as SpeRecord);
    const many = new Uint8Array(one.length * 40_000);
    for (let at = 0; at < many.length; at += one.length) many.set(one, at);
    const aux = [0, 1].map((cpu) => ({ cpu, tid: -1, bytes: many }));
    const { stdout } = await kvmm(["spe", "stats", perfData("many.data", { aux }), "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ records: 80_000, bytes: { unterminated: 0, bad: 0 } });
  });
});

describe("a mistake is one message on standard error, and status 2", () => {
  test.each([
    [
      "neither perf.data nor SPE",
      file("notes.txt", new TextEncoder().encode("it was a mountain top in April\n".repeat(20))),
      /: is neither a perf\.data file, as it does not start with PERFILE2, nor Arm SPE packets: byte \d+ starts none; with --raw/,
    ],
    ["nothing", file("empty", new Uint8Array(0)), /: is empty\n$/],
    [
      "perf.data of version 1",
      file("v1.data", new TextEncoder().encode("PERFFILE".repeat(40))),
      /does not start with PERFILE2 \(at byte 0\)\n$/,
    ],
    [
      "perf.data that ends in its header",
      file("head.data", readFileSync(whole).subarray(0, 50)),
      /ends within its header \(at byte 50\)\n$/,
    ],
    [
      "perf.data without SPE",
      perfData("none.data", { aux: [] }),
      /has no AUX data of Arm SPE; it is recorded with perf record -e arm_spe/,
    ],
    ["a file that is not there", join(folder, "perf.dat"), /: does not exist; did you mean "perf\.data"/],
  ])("%s", async (_, path, message) => {
    for (const command of ["decode", "stats"]) {
      const { status, stdout, stderr } = await kvmm(["spe", command, path]);
      expect(stderr).toMatch(message);
      expect(stderr.trimEnd()).not.toContain("\n");
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    }
  });

  test("a truncated perf.data: what came before is printed, and the byte is named", async () => {
    const bytes = readFileSync(whole);
    const cut = file("cut.data", bytes.subarray(0, bytes.length - 70));
    const { status, stdout, stderr } = await kvmm(["spe", "decode", cut]);
    expect(status).toBe(2);
    expect(stdout).toContain("LAT 12 TOT");
    expect(stderr).toMatch(
      new RegExp(
        `is truncated: it should have records up to byte ${bytes.length} \\(at byte ${bytes.length - 70}\\)\n$`,
      ),
    );
    expect(JSON.parse((await kvmm(["spe", "decode", cut, "--json"])).stdout).error).toMatch(/is truncated/);
  });

  test("two forms of output at once, and an option of another command", async () => {
    expect((await kvmm(["spe", "decode", raw, "--json", "--csv"])).stderr).toBe(
      "kvmm: --json and --csv are two forms of one output; choose one\n",
    );
    expect((await kvmm(["spe", "stats", raw, "--cvs"])).stderr).toBe("kvmm: unknown option '--cvs'\n");
    expect((await kvmm(["spe", "decoed", raw])).stderr).toBe(
      "kvmm: unknown command 'decoed'; did you mean decode?\n",
    );
  });

  test("random bytes never are a bug of kvmm's", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.boolean(),
        async (bytes, isPerf) => {
          const stdin = isPerf ? Uint8Array.from([...readFileSync(whole).subarray(0, 300), ...bytes]) : bytes;
          for (const args of [
            ["decode", "-"],
            ["decode", "-", "--raw", "--json"],
            ["stats", "-"],
          ]) {
            const { stderr } = await kvmm(["spe", ...args], { stdin });
            expect(stderr).not.toContain("internal error");
          }
        },
      ),
    );
  });
});
