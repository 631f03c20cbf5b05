import { describe, expect, test } from "vitest";
import { BufferMemory } from "../session/buffer-memory.js";
import { PMBSR, PMSIDR } from "../registers/spe-registers.js";
import { DEFAULT_PMSIDR, SpeUnit, type UnitOptions } from "../unit/spe-unit.js";
import { Workload } from "../workload/workload.js";
import { ArmSpePmu } from "./arm-spe-pmu.js";
import { type AuxNote, AuxRing } from "./aux-ring.js";
import { eventRefusal } from "./event-refusal.js";
import { eventRegisters, sanitisePeriod } from "./event-registers.js";
import type { SpeEventConfig } from "./spe-event.js";

const BASE = 0xffff_8000_1000_0000n;

function setup(
  size: number,
  config: SpeEventConfig = { samplePeriod: 1024 },
  unitOptions: Partial<UnitOptions> = {},
) {
  const memory = new BufferMemory(BASE, size);
  const unit = new SpeUnit({ ...unitOptions, memory });
  const ring = new AuxRing(size);
  const notes: AuxNote[] = [];
  const driver = new ArmSpePmu({
    unit,
    ring,
    base: BASE,
    config,
    clear: (va, bytes) => memory.clear(va, bytes),
    onAux: (note) => notes.push(note),
  });
  driver.enable();
  return { memory, unit, ring, notes, driver, program: new Workload() };
}

describe("a full buffer", () => {
  test("is handed over at the watermark, and profiling resumes behind it", () => {
    const { unit, driver, notes, ring, program } = setup(16_384);
    unit.run(program, 1_000_000);
    expect(driver.interrupt()).toMatchObject({ action: "ok", resumed: true });
    expect(notes).toEqual([{ offset: 0, size: 8192, truncated: false, partial: false, collision: false }]);
    expect(ring.woken).toBe(true);
    expect(unit.interrupt).toBe(false);
    expect(unit.read("PMBPTR_EL1")).toBe(BASE + 8192n);
  });

  test("that nobody reads truncates, and the event is disabled until perf record reads", () => {
    const { unit, driver, notes, program } = setup(16_384);
    for (let n = 0; n < 3 && driver.enabled; n++) {
      unit.run(program, 1_000_000);
      driver.interrupt();
    }
    expect(driver.enabled).toBe(false);
    expect(notes.at(-1)).toMatchObject({ truncated: true });
    expect(driver.read()).toEqual({ offset: 0, size: 16_383 });
    expect(driver.enabled).toBe(true);
    unit.run(program, 100_000);
    expect(unit.counters.written).toBeGreaterThan(192 + 90);
  });
});

describe("a fault", () => {
  test("is fatal: what was lost truncates the data, and the event is disabled", () => {
    const { memory, unit, driver, notes, program } = setup(16_384);
    memory.unmap(1, { reason: "stage2", fsc: 7 });
    unit.run(program, 1_000_000);
    const outcome = driver.interrupt();
    expect(outcome).toMatchObject({ action: "fatal", resumed: false });
    expect(outcome.message).toBe(
      "Unexpected buffer fault on CPU [PMBSR=0x00000000940a0007, PMBPTR=0xffff800010001000, PMBLIMITR=0xffff800010002001]",
    );
    expect(notes).toEqual([{ offset: 0, size: 4096, truncated: true, partial: true, collision: false }]);
    expect(driver.enabled).toBe(false);
    expect(unit.interrupt).toBe(false);
  });

  test("is fatal without loss too: the event stays enabled and the buffer off, until it is scheduled in again", () => {
    const { memory, unit, driver, notes, program } = setup(
      16_384,
      { samplePeriod: 1024 },
      { onFault: "hold" },
    );
    memory.unmap(1, { reason: "stage2", fsc: 7 });
    unit.run(program, 1_000_000);
    expect(driver.interrupt()).toMatchObject({ action: "fatal", resumed: false });
    expect(notes).toMatchObject([{ truncated: false, size: 4096 }]);
    expect(driver.enabled).toBe(true);
    memory.map(1);
    driver.read();
    unit.run(program, 100_000);
    expect(unit.counters.written).toBe(64);
    driver.scheduleOut();
    driver.scheduleIn();
    unit.run(program, 100_000);
    expect(unit.counters.written).toBe(128);
  });

  test.each([
    ["not filled", 0],
    ["filled, with a bit above the status code's six", 0x41],
  ])("is what a buffer status other than filled is taken for: %s", (_, MSS) => {
    const { unit, driver } = setup(16_384);
    unit.write("PMBSR_EL1", PMBSR.encode({ S: 1, MSS }));
    const outcome = driver.interrupt();
    expect(outcome).toMatchObject({ action: "fatal", resumed: false });
    expect(outcome.message).toContain("Unknown buffer status code on CPU [PMBSR=0x0000000000020");
  });

  test.each([
    ["granule-protection", "Unknown error code"],
    ["external-abort", "Unexpected buffer fault"],
  ] as const)("of the kind %s is called %s", (reason, words) => {
    const { memory, unit, driver, program } = setup(16_384);
    memory.unmap(0, { reason, fsc: 0 });
    unit.run(program, 1_000_000);
    expect(driver.interrupt().message).toContain(words);
  });
});

test("scheduling out hands over what there is, and scheduling in pads to the alignment", () => {
  const { memory, unit, driver, notes, program } = setup(16_384, { samplePeriod: 1024 }, { pmbidr: 0n });
  unit.run(program, 10_240);
  driver.scheduleOut();
  expect(notes).toHaveLength(1);
  expect(notes[0]!.size).toBe(unit.counters.bytesWritten);
  driver.scheduleIn();
  expect(unit.read("PMBPTR_EL1")).toBe(BASE + BigInt(notes[0]!.size));
  expect(memory.load(BASE + BigInt(notes[0]!.size), 64)).toEqual(new Uint8Array(64));
});

test("an event that was disabled before it had written anything stays so: perf record finds nothing to read", () => {
  const { memory, unit, driver, program, ring } = setup(16_384);
  memory.unmap(0, { reason: "stage2", fsc: 7 });
  unit.run(program, 100_000);
  driver.interrupt();
  memory.map(0);
  expect(ring.woken).toBe(true);
  expect(driver.read()).toEqual({ offset: 0, size: 0 });
  expect(driver.enabled).toBe(false);
  unit.run(program, 100_000);
  expect(unit.counters.written).toBe(0);
});

test("the first interval is what was asked for, the next ones are multiples of 256", () => {
  const { unit, program } = setup(16_384, { samplePeriod: 1000 });
  expect(unit.read("PMSICR_EL1")).toBe(1000n);
  expect(unit.read("PMSIRR_EL1")).toBe(768n);
  unit.run(program, 1000);
  expect(unit.counters.samples).toBe(1);
  expect(unit.read("PMSICR_EL1")).toBe(768n);
});

test("what is left of an interval goes on when the event is scheduled in again", () => {
  const { unit, driver, program } = setup(16_384, { samplePeriod: 1024 });
  unit.run(program, 1000);
  driver.scheduleOut();
  driver.scheduleIn();
  expect(unit.read("PMSICR_EL1")).toBe(24n);
});

describe("where a session ends (arm_spe_pmu_next_off())", () => {
  /** A ring in a given state, and the driver's PMBPTR_EL1 and PMBLIMITR_EL1 in it. */
  function session({
    head = 0,
    tail = 0,
    watermark = 32_768,
    unit: unitOptions = {},
  }: {
    head?: number;
    tail?: number;
    watermark?: number;
    unit?: Partial<UnitOptions>;
  }) {
    const size = 65_536;
    const memory = new BufferMemory(BASE, size);
    const cleared: number[][] = [];
    const unit = new SpeUnit({ ...unitOptions, memory });
    const ring = new AuxRing(size, watermark);
    const fill = (bytes: number) => ring.end(ring.begin()!, bytes);
    if (tail > 0) {
      fill(tail);
      ring.take();
    }
    fill(head - tail);
    const notes: AuxNote[] = [];
    const clear = (va: bigint, bytes: number) => cleared.push([Number(va - BASE), bytes]);
    const driver = new ArmSpePmu({ unit, ring, base: BASE, clear, onAux: (note) => notes.push(note) });
    driver.enable();
    const limit = unit.read("PMBLIMITR_EL1");
    return {
      from: Number(unit.read("PMBPTR_EL1") - BASE),
      to: (limit & 1n) === 0n ? null : Number(limit - 1n - BASE),
      cleared,
      notes,
      enabled: driver.enabled,
    };
  }

  test.each([
    ["at the watermark", {}, 0, 32_768],
    ["at the page behind a watermark that is none", { watermark: 5000 }, 0, 8192],
    ["at the buffer's end, where the watermark is behind it", { head: 36_864, tail: 36_864 }, 36_864, 65_536],
    [
      "before the page of the first byte that is not read",
      { head: 69_632, tail: 40_000, watermark: 65_536 },
      4096,
      36_864,
    ],
    ["at the buffer's end, if unread bytes are only behind", { head: 40_960, tail: 20_000 }, 40_960, 65_536],
  ])("%s", (_, ring, from, to) => {
    expect(session(ring)).toMatchObject({ from, to, cleared: [], notes: [] });
  });

  test("a head that is not aligned is padded to PMBIDR_EL1.Align", () => {
    expect(session({ head: 100, tail: 0 })).toMatchObject({ from: 128, to: 32_768, cleared: [[100, 28]] });
  });

  test("less room than the largest record is padded, and the limit computed again", () => {
    const unit = { pmsidr: PMSIDR.encode({ ...PMSIDR.decode(DEFAULT_PMSIDR), MAXSIZE: 11 }) };
    const near = { head: 32_768 - 1024, tail: 32_768 - 1024, unit };
    expect(session(near)).toMatchObject({ from: 32_768, to: 65_536, cleared: [[31_744, 1024]] });
    const enough = { head: 32_768 - 2048, tail: 32_768 - 2048, unit };
    expect(session(enough)).toMatchObject({ from: 30_720, to: 32_768, cleared: [] });
  });

  test("no room for a page is padded and truncated, and the event disabled", () => {
    const full = session({ head: 65_536, tail: 2048 });
    expect(full).toMatchObject({ to: null, enabled: false, cleared: [[0, 2047]] });
    expect(full.notes).toEqual([
      { offset: 67_583, size: 0, truncated: true, partial: false, collision: false },
    ]);
  });

  test("a ring without any room disables the event without a word", () => {
    expect(session({ head: 65_535, tail: 0 })).toMatchObject({ to: null, enabled: false, notes: [] });
  });
});

test("a collision is told with the next record of AUX data", () => {
  const { unit, driver, notes } = setup(65_536, { samplePeriod: 256 });
  const program = new Workload({ pattern: "random" });
  while (!driver.interrupt().resumed) unit.run(program, 100_000);
  expect(unit.counters.collisions).toBeGreaterThan(0);
  expect(notes[0]).toMatchObject({ collision: true, truncated: false, partial: false });
  expect(unit.read("PMBSR_EL1")).toBe(0n);
});

test.each([
  [{ pmbidr: 0x16n }, "PMBIDR_EL1.P is 1"],
  [{ pmbidr: 12n }, "PMBIDR_EL1.Align is 12"],
  [{ pmsidr: PMSIDR.encode({ MAXSIZE: 3 }) }, "PMSIDR_EL1.MaxSize is 3"],
  [{ pmsidr: PMSIDR.encode({ MAXSIZE: 12 }) }, "PMSIDR_EL1.MaxSize is 12"],
])("the driver does not take a unit with %o", (unit, message) => {
  expect(() => setup(16_384, {}, unit)).toThrow(message);
});

test("a ring of one page is refused", () => {
  expect(() => setup(4096)).toThrow("a ring of 4096 bytes");
});

describe("arm_spe_pmu_event_init()", () => {
  const all = PMSIDR.encode({ FE: 1, FnE: 1, FT: 1, FL: 1, EFT: 1, FDS: 1 });
  test.each([
    [{ eventFilter: 2n }, "FE"],
    [{ invEventFilter: 2n }, "FnE"],
    [{ branchFilter: true }, "FT"],
    [{ minLatency: 1 }, "FL"],
    [{ invDataSourceFilter: 1n }, "FDS"],
    [{ loadFilterMask: true }, "EFT"],
    [{ storeFilterMask: true }, "EFT"],
    [{ branchFilterMask: true }, "EFT"],
    [{ simdFilter: true }, "EFT"],
    [{ simdFilterMask: true }, "EFT"],
    [{ floatFilter: true }, "EFT"],
    [{ floatFilterMask: true }, "EFT"],
  ] as const)("%o needs PMSIDR_EL1.%s", (config, feature) => {
    const without = PMSIDR.encode({ ...PMSIDR.decode(all), [feature]: 0 });
    expect(eventRefusal(config, { pmsidr: all })).toBeUndefined();
    const refusal = eventRefusal(config, { pmsidr: without });
    expect(refusal).toMatchObject({ errno: "EOPNOTSUPP" });
    expect(refusal!.reason).toContain(`PMSIDR_EL1.${feature} is 0`);
  });

  test("an event filter may have only bits that PMSEVFR_EL1 has", () => {
    const unit = { pmsidr: all, eventFilterBits: 0xffn };
    expect(eventRefusal({ eventFilter: 0x80n, invEventFilter: 1n }, unit)).toBeUndefined();
    expect(eventRefusal({ invEventFilter: 0x100n }, unit)!.reason).toContain("0x100");
  });

  test("discard came with version 1.2", () => {
    expect(eventRefusal({ discard: true }, { pmsidr: all, pmsver: 2 })!.reason).toContain("1.2");
    expect(eventRefusal({ discard: true }, { pmsidr: all, pmsver: 3 })).toBeUndefined();
  });

  test("what it refuses does not get as far as a driver", () => {
    expect(() => setup(16_384, { simdFilter: true })).toThrow("EOPNOTSUPP: PMSIDR_EL1.EFT is 0");
  });
});

test("a fault that is pending when the thread is scheduled out stays with its buffer", () => {
  const { memory, unit, driver, notes, program } = setup(16_384, {}, { onFault: "hold" });
  memory.unmap(1, { reason: "stage2", fsc: 7 });
  while (!unit.interrupt) unit.run(program, 100_000);
  driver.scheduleOut();
  expect(unit.read("PMBSR_EL1")).toBe(0n);
  expect(notes).toMatchObject([{ offset: 0, size: 4096, truncated: false }]);
  memory.map(1);
  driver.scheduleIn();
  unit.run(program, 100_000);
  expect(unit.counters.written).toBeGreaterThan(64);
});

test("an interrupt without an event is nobody's", () => {
  const { driver } = setup(16_384);
  expect(driver.interrupt()).toMatchObject({ action: "spurious" });
  driver.disable();
  expect(driver.interrupt()).toMatchObject({ action: "spurious" });
});

test("periods are multiples of 256 from 256 to 2^32 - 256", () => {
  expect([0, 255, 1000, 2 ** 40].map(sanitisePeriod)).toEqual([256, 256, 768, 0xffff_ff00]);
});

describe("an event's registers", () => {
  test("filters turn on what they need", () => {
    expect(
      eventRegisters({ loadFilter: true, minLatency: 10, jitter: true, samplePeriod: 2048 }),
    ).toMatchObject({
      PMSFCR_EL1: (1n << 17n) | (1n << 2n) | (1n << 1n),
      PMSLATFR_EL1: 10n,
      PMSIRR_EL1: 2049n,
      PMSCR_EL1: 0x2bn,
    });
  });

  const bit = (...bits: number[]) => bits.reduce((value, at) => value | (1n << BigInt(at)), 0n);
  test.each([
    [{}, 0n],
    [{ branchFilter: true }, bit(16, 1)],
    [{ loadFilter: true }, bit(17, 1)],
    [{ storeFilter: true }, bit(18, 1)],
    [{ floatFilter: true }, bit(19, 1)],
    [{ simdFilter: true }, bit(20, 1)],
    [{ branchFilterMask: true }, bit(48, 1)],
    [{ loadFilterMask: true }, bit(49, 1)],
    [{ storeFilterMask: true }, bit(50, 1)],
    [{ floatFilterMask: true }, bit(51, 1)],
    [{ simdFilterMask: true }, bit(52, 1)],
    [{ eventFilter: 4n }, bit(0)],
    [{ minLatency: 4095 }, bit(2)],
    [{ invEventFilter: 4n }, bit(3)],
    [{ invDataSourceFilter: 4n }, bit(4)],
  ])("PMSFCR_EL1 of %o", (config, value) => {
    expect(eventRegisters(config).PMSFCR_EL1).toBe(value);
  });

  test("the filter of data sources is given inverted", () => {
    expect(eventRegisters({}).PMSDSFR_EL1).toBe(0xffff_ffff_ffff_ffffn);
    expect(eventRegisters({ invDataSourceFilter: 5n }).PMSDSFR_EL1).toBe(0xffff_ffff_ffff_fffan);
  });

  test.each([
    [{}, 0x2bn],
    [{ tsEnable: false, context: false }, 0x3n],
    [{ excludeKernel: true }, 0x29n],
    [{ excludeUser: true }, 0x2an],
    [{ paEnable: true }, 0x3bn],
    [{ pctEnable: true }, 0x6bn],
  ])("PMSCR_EL1 of %o", (config, value) => {
    expect(eventRegisters(config).PMSCR_EL1).toBe(value);
  });

  test("a latency of more than 12 bits is refused", () => {
    expect(() => eventRegisters({ minLatency: 4096 })).toThrow("minLatency is 4096; allowed is 0 to 4095");
  });
});
