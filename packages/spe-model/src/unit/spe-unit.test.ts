import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { eventBits } from "../events/event-bit.js";
import { decodeRecords } from "../record/decode-records.js";
import {
  FaultStatusCode,
  PMBLIMITR,
  PMBSR,
  PMSCR,
  PMSFCR,
  PMSIDR,
  PMSIRR,
} from "../registers/spe-registers.js";
import { BufferMemory } from "../session/buffer-memory.js";
import { Workload, type WorkloadOptions } from "../workload/workload.js";
import { DEFAULT_PMSIDR, SpeUnit, type UnitOptions } from "./spe-unit.js";

const BASE = 0xffff_8000_1000_0000n;

function profiling({
  pages = 4,
  interval = 4,
  rnd = 0,
  workload = {},
  ...options
}: Partial<UnitOptions> & {
  pages?: number;
  interval?: number;
  rnd?: number;
  workload?: WorkloadOptions;
} = {}) {
  const memory = new BufferMemory(BASE, pages * 4096);
  const unit = new SpeUnit({ ...options, memory });
  unit.write("PMBPTR_EL1", BASE);
  unit.write("PMBLIMITR_EL1", (BASE + BigInt(pages * 4096)) | PMBLIMITR.encode({ E: 1 }));
  unit.write("PMSIRR_EL1", PMSIRR.encode({ INTERVAL: interval, RND: rnd }));
  unit.write("PMSCR_EL1", PMSCR.encode({ E0SPE: 1, TS: 1, CX: 1 }));
  return {
    memory,
    unit,
    program: new Workload(workload),
    status: () => PMBSR.decode(unit.read("PMBSR_EL1")),
  };
}

describe("sampling", () => {
  test("one operation of each interval gets a record, aligned as PMBIDR_EL1 says", () => {
    const { memory, unit, program } = profiling({ interval: 4, contextId: 77 });
    expect(unit.run(program, 1024 * 20)).toBe(1024 * 20);
    unit.drain();
    const items = [...decodeRecords(memory.load(BASE, unit.counters.bytesWritten))];
    expect(unit.counters).toMatchObject({ samples: 20, written: 20, bytesWritten: 20 * 64, collisions: 0 });
    expect(items.map((item) => item.kind)).toEqual(Array(20).fill("record"));
    expect(items[0]).toMatchObject({ record: { contextEl1: 77, timestamp: 64n, pc: { el: 0, ns: true } } });
  });

  test("the sampled operations are those at the intervals' ends", () => {
    const { memory, unit, program } = profiling({ interval: 4 });
    unit.run(program, 1024 * 3 + 500);
    const pcs = [...decodeRecords(memory.load(BASE, 192))].map(
      (item) => item.kind === "record" && item.record.pc?.address,
    );
    const expected = [1023, 2047, 3071].map((index) => new Workload().at(index).pc);
    expect(pcs).toEqual(expected);
  });

  test.each([
    ["added to the interval", 0, 1024 + 127.5],
    ["counted beside it (ERND)", 1, 1024],
  ])("jitter is %s", (_, erand, mean) => {
    const pmsidr = PMSIDR.encode({ ...PMSIDR.decode(DEFAULT_PMSIDR), ERND: erand });
    const { unit, program } = profiling({ rnd: 1, pmsidr, pages: 2048 });
    unit.run(program, 20_000_000);
    expect(20_000_000 / unit.counters.samples).toBeGreaterThan(mean - 8);
    expect(20_000_000 / unit.counters.samples).toBeLessThan(mean + 8);
  });

  test("the same seed gives the same bytes, another seed others", () => {
    const bytes = (seed: number) => {
      const { memory, unit, program } = profiling({ rnd: 1, seed });
      unit.run(program, 100_000);
      return memory.load(BASE, 4 * 4096);
    };
    expect(bytes(3)).toEqual(bytes(3));
    expect(bytes(3)).not.toEqual(bytes(4));
  });

  test("only enabled exception levels count", () => {
    const { unit, program } = profiling();
    unit.run(program, 10_000, 1);
    expect(unit.counters).toMatchObject({ operations: 10_000, counted: 0, samples: 0, stopped: 0 });
  });

  test("a sample that comes before the last has ended is dropped, and COLL is set", () => {
    const { unit, program, status } = profiling({ interval: 1, workload: { pattern: "random" } });
    unit.run(program, 256 * 240);
    expect(unit.counters.collisions).toBeGreaterThan(0);
    expect(status()).toMatchObject({ COLL: 1, S: 0 });
  });

  test("a sample collides exactly where the one before has not ended", () => {
    const samples = 5000;
    const { unit, program } = profiling({ interval: 1, pages: 256, workload: { pattern: "random" } });
    unit.run(program, 256 * samples);
    const same = new Workload({ pattern: "random" });
    let ends = 0;
    let collisions = 0;
    for (let now = 256; now <= 256 * samples; now += 256) {
      if (now < ends) collisions++;
      else ends = now + same.at(now - 1).latency.total;
    }
    expect(collisions).toBeGreaterThan(20);
    expect(unit.counters).toMatchObject({ samples, collisions });
  });

  test("filters drop samples before they become records", () => {
    const { memory, unit, program } = profiling({ interval: 1, pages: 64 });
    unit.write("PMSFCR_EL1", PMSFCR.encode({ FT: 1, LD: 1, FE: 1, FL: 1 }));
    unit.write("PMSEVFR_EL1", eventBits("llcMiss"));
    unit.write("PMSLATFR_EL1", 300n);
    unit.run(program, 256 * 4000);
    unit.drain();
    const items = [...decodeRecords(memory.load(BASE, unit.counters.bytesWritten))];
    expect(items.length).toBeGreaterThan(3);
    for (const item of items)
      expect(item.kind === "record" && item.record).toMatchObject({
        operation: { class: "memory", store: false },
        dataSource: { value: 0xdn },
      });
    expect(unit.counters.filtered).toBeGreaterThan(3000);
  });

  test("the inverted event filter drops samples that have one of its events", () => {
    const { memory, unit, program } = profiling({ interval: 1, pages: 64 });
    unit.write("PMSFCR_EL1", PMSFCR.encode({ FnE: 1 }));
    unit.write("PMSNEVFR_EL1", eventBits("l1dAccess", "notTaken"));
    unit.run(program, 256 * 1000);
    unit.drain();
    const items = [...decodeRecords(memory.load(BASE, unit.counters.bytesWritten))];
    expect(items.length).toBeGreaterThan(100);
    for (const item of items)
      expect(item.kind === "record" && item.record.events!.bits & eventBits("l1dAccess", "notTaken")).toBe(
        0n,
      );
    expect(unit.counters.filtered).toBeGreaterThan(100);
  });

  test("with DISCARD no record is written", () => {
    const { unit, program } = profiling();
    unit.write("PMBLIMITR_EL1", PMBLIMITR.encode({ E: 1, FM: 2 }));
    unit.run(program, 1024 * 500);
    expect(unit.counters).toMatchObject({ written: 0, filled: 0 });
    expect(unit.counters.discarded).toBeGreaterThan(490);
  });

  test("a reserved mode of the buffer fills it", () => {
    const { unit, program } = profiling();
    unit.write("PMBLIMITR_EL1", (BASE + 8192n) | PMBLIMITR.encode({ E: 1, FM: 1 }));
    unit.run(program, 1024 * 10 + 900);
    expect(unit.counters).toMatchObject({ discarded: 0, written: 10 });
  });
});

describe("buffer management events", () => {
  test("a full buffer stops profiling behind the last record that fits, without loss", () => {
    const { unit, program, status } = profiling({ pages: 2 });
    const done = unit.run(program, 1_000_000);
    expect(unit.counters).toMatchObject({ written: 128, lost: 0, filled: 1 });
    // The interrupt comes with the end of the operation whose record was the last one that fits.
    expect(done).toBe(1024 * 128 + new Workload().at(1024 * 128 - 1).latency.total);
    expect(status()).toEqual({ EC: 0, DL: 0, EA: 0, S: 1, COLL: 0, MSS: 1 });
    expect(unit.read("PMBPTR_EL1")).toBe(BASE + 8192n);
    expect(unit.interrupt).toBe(true);
    unit.run(program, 5000);
    expect(unit.counters).toMatchObject({ written: 128, stopped: 5000 });
  });

  test("a record that does not fit is lost, and nothing is written behind the limit", () => {
    const { memory, unit, program, status } = profiling({ pages: 2 });
    unit.write("PMBPTR_EL1", BASE + 4096n);
    unit.write("PMBLIMITR_EL1", (BASE + 4096n) | PMBLIMITR.encode({ E: 1 }));
    unit.run(program, 10_000);
    expect(unit.counters).toMatchObject({ written: 0, lost: 1, filled: 1 });
    expect(status()).toMatchObject({ EC: 0, MSS: 1, DL: 1, S: 1 });
    expect(unit.read("PMBPTR_EL1")).toBe(BASE + 4096n);
    expect(memory.load(BASE + 4096n, 64)).toEqual(new Uint8Array(64));
  });

  test.each([
    ["stage2", FaultStatusCode.translation + 3, { EC: 0x25, DL: 1, EA: 0, S: 1, MSS: 7 }],
    ["stage2", FaultStatusCode.permission + 2, { EC: 0x25, DL: 1, EA: 0, S: 1, MSS: 0xe }],
    ["stage1", FaultStatusCode.accessFlag + 3, { EC: 0x24, DL: 1, EA: 0, S: 1, MSS: 0xb }],
    ["granule-protection", 0, { EC: 0x1e, DL: 1, EA: 0, S: 1, MSS: 0 }],
    ["external-abort", 0, { EC: 0x24, DL: 1, EA: 1, S: 1, MSS: 0x10 }],
  ] as const)("a %s fault with code %i loses the record and says where", (reason, fsc, syndrome) => {
    const { memory, unit, program, status } = profiling();
    memory.unmap(1, { reason, fsc });
    unit.run(program, 1_000_000);
    expect(unit.counters).toMatchObject({ written: 64, lost: 1 });
    expect(status()).toMatchObject(syndrome);
    expect(unit.read("PMBPTR_EL1")).toBe(BASE + 4096n);
  });

  test("records behind the one that faults are lost with it", () => {
    const { memory, unit, program } = profiling({ writeDelay: 5000 });
    memory.unmap(0, { reason: "stage2", fsc: 7 });
    unit.run(program, 1_000_000);
    expect(unit.counters.lost).toBeGreaterThanOrEqual(4);
    expect(unit.counters.written).toBe(0);
  });

  test("a unit that holds its records writes them once software has mapped the page", () => {
    const { memory, unit, program, status } = profiling({ onFault: "hold" });
    memory.unmap(0, { reason: "stage2", fsc: 7 });
    unit.run(program, 10_000);
    expect(status()).toMatchObject({ EC: 0x25, DL: 0, S: 1 });
    memory.map(0);
    unit.write("PMBSR_EL1", 0n);
    unit.run(program, 10_000);
    expect(unit.counters).toMatchObject({ lost: 0, stage2: 1 });
    expect(unit.counters.written).toBeGreaterThan(9);
  });

  test("a record across two pages is torn by a fault on the second", () => {
    const { memory, unit, program, status } = profiling({ onFault: "hold", pmbidr: 0n });
    memory.unmap(1, { reason: "stage2", fsc: 7 });
    unit.run(program, 1_000_000);
    expect(status()).toMatchObject({ EC: 0x25, DL: 1 });
    expect(unit.counters.lost).toBe(1);
    expect(unit.read("PMBPTR_EL1")).toBe(BASE + 4096n);
    const items = [...decodeRecords(memory.load(BASE, 4096))];
    expect(items.at(-1)?.kind).toBe("error");
  });

  test("a record is written when its operation has ended, and not before", () => {
    const { unit, program } = profiling();
    const { total } = new Workload().at(1023).latency;
    unit.run(program, 1024 + total - 1);
    expect(unit.counters).toMatchObject({ samples: 1, written: 0 });
    unit.run(program, 1);
    expect(unit.counters.written).toBe(1);
  });

  test("a full queue writes its oldest record before it is due", () => {
    const { unit, program } = profiling({ writeDelay: 1_000_000, queue: 2 });
    unit.run(program, 1024 * 5 + 900);
    expect(unit.counters).toMatchObject({ samples: 5, written: 3, lost: 0 });
  });

  test("the buffer's pointer is aligned as PMBIDR_EL1.Align says, whatever software writes", () => {
    const { unit } = profiling();
    unit.write("PMBPTR_EL1", BASE + 127n);
    expect(unit.read("PMBPTR_EL1")).toBe(BASE + 64n);
    const bytewise = new SpeUnit({ memory: new BufferMemory(BASE, 8192), pmbidr: 0n });
    bytewise.write("PMBPTR_EL1", BASE + 127n);
    expect(bytewise.read("PMBPTR_EL1")).toBe(BASE + 127n);
  });

  test("draining writes the record of the operation in flight", () => {
    const { unit, program } = profiling({ writeDelay: 100_000 });
    unit.run(program, 1024);
    expect(unit.counters).toMatchObject({ samples: 1, written: 0 });
    unit.write("PMSCR_EL1", 0n);
    unit.drain();
    expect(unit.counters.written).toBe(1);
  });
});

test("identification registers cannot be written", () => {
  expect(() => profiling().unit.write("PMSIDR_EL1", 0n)).toThrow("PMSIDR_EL1 is read-only");
});

test("whatever faults when, every sample is accounted for", () => {
  const event = fc.record({
    operations: fc.nat(40_000),
    page: fc.nat(3),
    fault: fc.constantFrom("stage1", "stage2", "granule-protection", "external-abort", undefined),
    clear: fc.boolean(),
    drain: fc.boolean(),
  });
  const unitOptions = fc.record({
    writeDelay: fc.constantFrom(0, 300, 3000),
    queue: fc.constantFrom(1, 4),
    onFault: fc.constantFrom("lose", "hold"),
    interval: fc.constantFrom(1, 3),
    rnd: fc.nat(1),
    pmbidr: fc.constantFrom(0n, 6n),
  });
  fc.assert(
    fc.property(unitOptions, fc.array(event, { maxLength: 12 }), (options, events) => {
      const { memory, unit, program } = profiling(options);
      for (const { operations, page, fault, clear, drain } of events) {
        if (fault) memory.unmap(page, { reason: fault, fsc: 7 });
        else memory.map(page);
        if (clear) unit.write("PMBSR_EL1", 0n);
        unit.run(program, operations);
        if (drain) unit.drain();
      }
      unit.drain();
      unit.write("PMBLIMITR_EL1", 0n);
      const { samples, collisions, filtered, abandoned, discarded, written, lost } = unit.counters;
      expect(collisions + filtered + abandoned + discarded + written + lost).toBe(samples);
      expect(program.index).toBe(unit.counters.operations);
    }),
    { numRuns: 300 },
  );
});
