import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeRecord, type SpeRecord } from "@kvmm/spe-model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kvmm } from "./fake-context.js";
import { bytesOf, folder, neoverse, perfData, raw, whole } from "./spe-files.js";

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
