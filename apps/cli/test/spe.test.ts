import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeRecord, type SpeRecord } from "@kvmm/spe-model";
import { type SpeRecording, writePerfData } from "@kvmm/traces";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { kvmm } from "./fake-context.js";

const folder = mkdtempSync(join(tmpdir(), "kvmm-spe-"));
const vectors = new URL("../../../packages/spe-model/vectors/", import.meta.url);

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const bytesOf = (digits: string) =>
  Uint8Array.from(digits.match(/[0-9a-f]{2}/g)!, (byte) => Number.parseInt(byte, 16));

const text = (name: string) => readFileSync(new URL(name, vectors), "utf8");
const hex = text("neoverse-el2.hex").replaceAll(/#.*/g, "");
const neoverse = bytesOf(hex);
const raw = file("aux.bin", neoverse);

function perfData(name: string, recording: Partial<SpeRecording> = {}): string {
  const aux = [{ cpu: 3, tid: -1, bytes: neoverse, flags: { truncated: true } }];
  return file(name, writePerfData({ aux, ...recording }));
}

const whole = perfData("perf.data");

const arbitraryRecordBytes = fc
  .record(
    {
      pc: fc.record({
        address: fc.bigInt({ min: 0n, max: (1n << 56n) - 1n }),
        el: fc.nat(3),
        ns: fc.boolean(),
        nse: fc.boolean(),
      }),
      previousTarget: fc.constant({ address: 0x1234n, el: 1, ns: false, nse: false }),
      dataVirtual: fc.record({ address: fc.constant(0xff00_0000_1000n), tag: fc.nat(255) }),
      dataPhysical: fc.record({
        address: fc.constant(0x8000_0000n),
        ns: fc.boolean(),
        nse: fc.boolean(),
        checked: fc.boolean(),
        tag: fc.nat(15),
      }),
      contextEl1: fc.nat(0xffff_ffff),
      contextEl2: fc.nat(0xffff_ffff),
      latency: fc.record({ total: fc.nat(0xffff), issue: fc.nat(0xffff) }),
      events: fc.record({ bits: fc.bigInt({ min: 0n, max: 0xffn }), width: fc.constantFrom(1, 2, 4, 8) }),
      timestamp: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    },
    { requiredKeys: [] },
  )
  .chain((record) => fc.constantFrom(1, 8, 64).map((to) => encodeRecord(record as SpeRecord, to)));

/** The records of a document, and whose they are: not what the driver said of them. */
function streamsOf(document: string): unknown {
  const { streams } = JSON.parse(document) as { streams: { cpu: number; tid: number; records: object[] }[] };
  return streams.map(({ cpu, tid, records }) => ({ cpu, tid, records }));
}

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

describe("kvmm spe encode", () => {
  test("makes of a dump the bytes that it shows, as packets and as perf.data", async () => {
    const dump = await kvmm(["spe", "decode", whole]);
    const bin = join(folder, "same.bin");
    const { status, stdout } = await kvmm(["spe", "encode", "-", "--raw", "-o", bin], { stdin: dump.stdout });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${bin}: 128 bytes of SPE data in 1 buffers\n` });
    expect(new Uint8Array(readFileSync(bin))).toEqual(neoverse);
    const data = join(folder, "again.data");
    await kvmm(["spe", "encode", "-", "-o", data], { stdin: dump.stdout });
    expect((await kvmm(["spe", "decode", data])).stdout).toBe(dump.stdout);
  });

  test("makes of records as JSON and as CSV data that decodes to the same", async () => {
    const aux = [
      { cpu: 1, tid: -1, bytes: neoverse, auxOffset: 0x20000 },
      { cpu: 1, tid: -1, bytes: neoverse, auxOffset: 0x90000 },
      { cpu: -1, tid: 77, bytes: neoverse.subarray(64) },
    ];
    const data = perfData("streams.data", { aux });
    for (const form of ["--json", "--csv"]) {
      for (const [from, to] of [
        [data, []],
        [raw, ["--raw"]],
      ] as const) {
        const { stdout: before } = await kvmm(["spe", "decode", from, form]);
        const again = join(folder, "records");
        expect((await kvmm(["spe", "encode", "-", ...to, "-o", again], { stdin: before })).stderr).toBe("");
        const { stdout: after } = await kvmm(["spe", "decode", again, form]);
        if (form === "--csv") expect(after).toBe(before);
        else expect(streamsOf(after)).toEqual(streamsOf(before));
      }
    }
  });

  test("has any records again, wherever they stood", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 0xffff })), { minLength: 1, maxLength: 20 }),
        async (spaced) => {
          const records = spaced.map(([gap, total]) => [
            ...new Uint8Array(gap),
            ...encodeRecord({ latency: { total }, timestamp: 7n }),
          ]);
          const stdin = Uint8Array.from(records.flat());
          const { stdout: before } = await kvmm(["spe", "decode", "-", "--raw", "--csv"], { stdin });
          const again = join(folder, "any.bin");
          await kvmm(["spe", "encode", "-", "--raw", "-o", again], { stdin: before });
          expect((await kvmm(["spe", "decode", again, "--raw", "--csv"])).stdout).toBe(before);
        },
      ),
      { numRuns: 30 },
    );
  });

  /** Anything that decodes without a bad byte: records in any order of packets, between them padding and alignments. */
  const wellFormed = fc
    .array(
      fc.oneof(
        arbitraryRecordBytes,
        fc.integer({ min: 1, max: 40 }).map((size) => new Uint8Array(size)),
        fc
          .constantFrom("49009c0301", "4807980100b20102030405060780710102030405060708", "2120980500220001")
          .map(bytesOf),
      ),
      { minLength: 1, maxLength: 30 },
    )
    .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));

  test("has of JSON every byte again, of streams that are well formed and of any others", async () => {
    const any = fc.oneof(
      { weight: 3, arbitrary: wellFormed },
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
    );
    const again = join(folder, "json.bin");
    await fc.assert(
      fc.asyncProperty(any, async (stdin) => {
        const json = await kvmm(["spe", "decode", "-", "--raw", "--json"], { stdin });
        const encode = await kvmm(["spe", "encode", "-", "--raw", "-o", again], { stdin: json.stdout });
        expect(encode).toMatchObject({ status: 0, stderr: "" });
        expect([...readFileSync(again)]).toEqual([...stdin]);
      }),
      { numRuns: 60 },
    );
  });

  test("has of JSON the pieces of all streams again, and what the driver said of them", async () => {
    const aux = [
      { cpu: 1, tid: -1, bytes: neoverse.subarray(0, 40), auxOffset: 0x20000 },
      { cpu: -1, tid: 77, bytes: neoverse.subarray(64), flags: { collision: true } },
      { cpu: 1, tid: -1, bytes: neoverse.subarray(40, 101), auxOffset: 0x20028 },
      { cpu: 1, tid: -1, bytes: neoverse.subarray(101), auxOffset: 0x20000 + 101, flags: { partial: true } },
      { cpu: 1, tid: -1, bytes: neoverse, auxOffset: 0x90000 },
    ];
    const before = (await kvmm(["spe", "decode", perfData("pieces-in.data", { aux }), "--json"])).stdout;
    const again = join(folder, "pieces-out.data");
    await kvmm(["spe", "encode", "-", "-o", again], { stdin: before });
    const after = (await kvmm(["spe", "decode", again, "--json"])).stdout;
    expect(JSON.parse(after).streams).toEqual(JSON.parse(before).streams);
    expect(JSON.parse(after).streams[0].notes).toHaveLength(4);
    const dump = async (path: string) => (await kvmm(["spe", "decode", path])).stdout;
    expect(await dump(again)).toBe(await dump(join(folder, "pieces-in.data")));
  });

  test("makes a record of its values where its hex is deleted, and refuses one that says something else", async () => {
    const { stdout } = await kvmm(["spe", "decode", raw, "--json"]);
    const document = JSON.parse(stdout);
    const [first] = document.streams[0].records;
    first.total = 4000;
    const encode = async () =>
      await kvmm(["spe", "encode", "-", "--raw", "-o", join(folder, "edited.bin")], {
        stdin: JSON.stringify(document),
      });
    expect((await encode()).stderr).toContain(
      "streams[0].records[0]: total is 4000, but its hex says 12; delete hex, and the record is made of the other values",
    );
    delete first.hex;
    expect((await encode()).status).toBe(0);
    const edited = await kvmm(["spe", "decode", join(folder, "edited.bin"), "--json"]);
    const [row, other] = JSON.parse(edited.stdout).streams[0].records;
    expect({ ...row, hex: "" }).toEqual({ ...first, hex: "" });
    expect(other).toEqual(document.streams[0].records[1]);
  });

  test("has of a dump the buffers of every CPU and thread again", async () => {
    const aux = [
      { cpu: 1, tid: -1, bytes: neoverse, auxOffset: 0x20000 },
      { cpu: -1, tid: 77, bytes: neoverse.subarray(64) },
      { cpu: -1, tid: 78, bytes: neoverse.subarray(0, 64), auxOffset: 0x40 },
    ];
    const { stdout } = await kvmm(["spe", "decode", perfData("threads.data", { aux })]);
    const again = join(folder, "threads-again.data");
    await kvmm(["spe", "encode", "-", "-o", again], { stdin: stdout });
    expect((await kvmm(["spe", "decode", again])).stdout).toBe(stdout);
  });

  test("has of perf's own words the buffers' CPUs and threads", async () => {
    const lines = (at: string, cpu: number, tid: number) =>
      `0 0 0xd8 [0x30]: PERF_RECORD_AUXTRACE size: 0x8  offset: ${at}  ref: 0  idx: 0  tid: ${tid}  cpu: ${cpu}\n.\n. ... ARM SPE data: size 0x8 bytes\n.  00000000:  49 00                                           LD GP-REG\n.  00000002:  01                                              END\n.  00000003:  00 00 00 00 00                                  PAD\n`;
    const stdin = lines("0", 2, -1) + lines("0x1000", -1, 99);
    const data = join(folder, "perfs.data");
    expect(await kvmm(["spe", "encode", "-", "-o", data], { stdin })).toMatchObject({
      stderr: "",
      status: 0,
    });
    const { stdout } = await kvmm(["spe", "decode", data, "--csv"]);
    expect(stdout.trimEnd().split("\n").slice(1)).toEqual([
      "2,-1,0,load,,,,,,,,,,,,",
      "-1,99,4096,load,,,,,,,,,,,,",
    ]);
  });

  const header =
    "cpu,tid,offset,operation,pc,el,target,va,pa,events,total,issue,translation,source,context,timestamp\n";
  test.each([
    ["no dump at all\n", "has no line of a raw dump"],
    ["{", "is not JSON"],
    ["{}", "has no list of objects streams"],
    ['{"streams":[{"cpu":0,"records":[1]}]}', "has no list of objects streams[0].records"],
    [
      '{"streams":[{"records":[{"offset":0,"total":"x"}]}]}',
      "streams[0].records[0]: total is x; allowed is a whole",
    ],
    [header, "has no records"],
    [`${header}0,-1,0,load\n`, "line 2: values on the line is 2; allowed is 14"],
    [`${header}0,-1,0,fly,,,,,,,,,,,,\n`, "line 2: operation is fly"],
    [
      `${header}0,-1,8,load,,,,,,,,,,,,\n0,-1,8,load,,,,,,,,,,,,\n`,
      "line 3: a record at byte 8, where the one before ends at",
    ],
    [`${header}0,-1,,load,,,,,,,,,,,,\n`, "line 2: offset is null, not a number of bytes"],
    ['{"streams":[{"records":[{"offset":0,"hex":"4"}]}]}', "records[0]: hex should be an even number of"],
    [
      '{"streams":[{"pieces":[{"offset":0,"size":-1}],"records":[]}]}',
      "pieces[0]: offset and size should be",
    ],
    [
      '{"streams":[{"pieces":[{"offset":0,"size":9e12}],"records":[]}]}',
      "pieces: more than 1073741824 bytes",
    ],
    [
      '{"streams":[{"pieces":[{"offset":0,"size":8}],"records":[{"offset":7,"hex":"4901"}]}]}',
      "records[0]: no piece has byte 8 of the stream",
    ],
    [".  00000004:  49 00      LD GP-REG\n", "line 1: a packet at byte 4, where the one before ends at 0"],
  ])("a mistake is one message: %j", async (stdin, message) => {
    const { status, stderr } = await kvmm(["spe", "encode", "-", "-o", join(folder, "none")], { stdin });
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
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
