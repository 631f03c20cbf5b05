import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Attribution } from "./attribution.js";
import { readAuxArea } from "./aux-area.js";
import { PerfDataError } from "./perf-data-error.js";
import { readPerfData } from "./read-perf-data.js";
import { type SpeRecording, writePerfData } from "./write-perf-data.js";

const CPU = { cpu: 2, midr: 0x410fd4f1n, pmuType: 9, minInterval: 1024, eventFilter: 0xffn };
const RECORDING: SpeRecording = {
  pmuType: 9,
  samplePeriod: 4096n,
  cpus: [CPU],
  comms: [{ pid: 7, tid: 8, comm: "workload" }],
  mmaps: [
    { pid: 7, tid: 7, start: 0x400000n, length: 0x1000n, pageOffset: 0n, filename: "/bin/workload" },
    { pid: -1, tid: 0, start: 0xffff800080000000n, length: 0x1000000n, pageOffset: 0n, filename: "[kernel]" },
  ],
  aux: [
    { cpu: 2, tid: -1, auxOffset: 0, bytes: Uint8Array.of(1, 2, 3) },
    {
      cpu: 2,
      tid: -1,
      auxOffset: 8,
      bytes: new Uint8Array(64).fill(1),
      flags: { truncated: true, partial: true },
    },
    { cpu: -1, tid: 8, auxOffset: 4096, bytes: new Uint8Array(16), flags: { collision: true } },
  ],
};

describe("a file that was written", () => {
  const bytes = writePerfData(RECORDING);
  const file = readPerfData(bytes);
  const area = readAuxArea(file);

  test("has its attribute", () => {
    expect(file.header.attributes).toMatchObject([{ type: 9, samplePeriod: 4096n, sampleIdAll: true }]);
    expect(file.header.pipe).toBe(false);
  });

  test("has the CPUs, the commands and the mappings", () => {
    expect(area.spe).toEqual({ version: 2, pmuType: 9, cpus: [CPU] });
    const attribution = new Attribution(area.comms, area.mmaps);
    expect(attribution.commOf(8)).toBe("workload");
    expect(attribution.commOf(9)).toBeUndefined();
    expect(attribution.mappingAt(7, 0x400fffn)?.filename).toBe("/bin/workload");
    expect(attribution.mappingAt(7, 0x401000n)).toBeUndefined();
    expect(attribution.mappingAt(-1, 0xffff800080000010n)?.filename).toBe("[kernel]");
  });

  test("has each stream's data, in place, and what was said of it", () => {
    expect(area.error).toBeUndefined();
    expect(area.strayNotes).toEqual([]);
    expect(area.streams.map(({ cpu, tid }) => [cpu, tid])).toEqual([
      [2, -1],
      [-1, 8],
    ]);
    const [first, second] = area.streams[0]!.pieces;
    expect(file.source.read(first!.fileOffset, first!.size)).toEqual(Uint8Array.of(1, 2, 3, 0, 0, 0, 0, 0));
    expect(second).toMatchObject({ auxOffset: 8, size: 64 });
    expect(second!.fileOffset % 16).toBe(8);
    expect(area.streams[0]!.notes.map(({ flags }) => flags.truncated)).toEqual([false, true]);
    expect(area.streams[1]!.notes).toMatchObject([{ auxOffset: 4096, size: 16, flags: { collision: true } }]);
  });

  test("is read as far as it goes when it is cut off", () => {
    for (let size = 0; size < bytes.length; size += 13) {
      const cut = bytes.slice(0, size);
      if (size < 240) continue;
      const part = readAuxArea(readPerfData(cut));
      expect(part.streams.length).toBeLessThanOrEqual(2);
      for (const { pieces } of part.streams)
        for (const piece of pieces) expect(piece.fileOffset + piece.size).toBeLessThanOrEqual(size);
    }
  });
});

describe("hostile files", () => {
  const bytes = writePerfData(RECORDING);

  test("what is no perf.data is refused", () => {
    expect(() => readPerfData(new Uint8Array(200))).toThrow(PerfDataError);
    expect(() => readPerfData(new Uint8Array(0))).toThrow("it does not start with PERFILE2 (at byte 0)");
    expect(() => readPerfData(bytes.slice(0, 50))).toThrow("the file ends within its header (at byte 50)");
  });

  test("whatever bytes change, reading ends, with records inside the file", () => {
    const change = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(change, (changes) => {
        const copy = bytes.slice();
        for (const [at, value] of changes) copy[at] = value;
        readsWithin(copy);
      }),
      { numRuns: 1500 },
    );
  });

  /** Reads all that there is, whatever it is, and checks what the reader says of it against the file. */
  function readsWithin(copy: Uint8Array): void {
    try {
      const file = readPerfData(copy);
      const area = readAuxArea(file);
      for (const { pieces } of area.streams)
        for (const { fileOffset, size } of pieces) {
          expect(fileOffset + size).toBeLessThanOrEqual(copy.length);
          expect(size).toBeGreaterThanOrEqual(0);
        }
      if (area.error) {
        expect(area.error.fileOffset).toBeGreaterThanOrEqual(0);
        expect(area.error.fileOffset).toBeLessThanOrEqual(copy.length);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerfDataError);
    }
  }

  test("every size, offset and count of the file may lie", () => {
    const lies = [
      0n,
      1n,
      7n,
      0xffffn,
      0xffff_ffffn,
      1n << 40n,
      (1n << 53n) + 1n,
      (1n << 63n) - 1n,
      (1n << 64n) - 1n,
    ];
    for (let at = 0; at + 8 <= bytes.length; at += 4) {
      for (const lie of lies) {
        const copy = bytes.slice();
        new DataView(copy.buffer).setBigUint64(at, lie, true);
        readsWithin(copy);
      }
    }
  });

  test("anything at all may follow the magic number", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (rest, pipe) => {
        const copy = new Uint8Array(16 + rest.length);
        const view = new DataView(copy.buffer);
        view.setBigUint64(0, 0x32454c4946524550n, true);
        view.setBigUint64(8, pipe ? 16n : 104n, true);
        copy.set(rest, 16);
        readsWithin(copy);
      }),
      { numRuns: 500 },
    );
  });

  test("a record without a size stops the reading, and says where", () => {
    const copy = bytes.slice();
    const { data } = readPerfData(bytes).header;
    copy.fill(0, data.offset + 6, data.offset + 8);
    const { error } = readAuxArea(readPerfData(copy));
    expect(error).toMatchObject({ fileOffset: data.offset });
    expect(error?.message).toMatch(/^a record of 0 bytes, where \d+ are left \(at byte 240\)$/);
  });
});

test("a file that went through a pipe has its attributes as records", () => {
  const view = new DataView(new ArrayBuffer(16 + 8 + 112));
  view.setBigUint64(0, 0x32454c4946524550n, true);
  view.setBigUint64(8, 16n, true);
  view.setUint32(16, 64, true);
  view.setUint16(22, 8 + 112, true);
  view.setUint32(24, 9, true);
  const file = readPerfData(new Uint8Array(view.buffer));
  expect([...file.records()]).toMatchObject([{ kind: "attribute", attr: { type: 9 }, fileOffset: 16 }]);
});
