import { describe, expect, test } from "vitest";
import { BufferMemory } from "../session/buffer-memory.js";
import { SpeUnit, type UnitOptions } from "../unit/spe-unit.js";
import { Workload } from "../workload/workload.js";
import { ArmSpePmu } from "./arm-spe-pmu.js";
import { type AuxNote, AuxRing } from "./aux-ring.js";
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

test("an interrupt without an event is nobody's", () => {
  const { driver } = setup(16_384);
  expect(driver.interrupt()).toMatchObject({ action: "spurious" });
  driver.disable();
  expect(driver.interrupt()).toMatchObject({ action: "spurious" });
});

test("periods are multiples of 256 from 256 to 2^32 - 256", () => {
  expect([0, 255, 1000, 2 ** 40].map(sanitisePeriod)).toEqual([256, 256, 768, 0xffff_ff00]);
});

test("an event's filters turn on what they need", () => {
  expect(
    eventRegisters({ loadFilter: true, minLatency: 10, jitter: true, samplePeriod: 2048 }),
  ).toMatchObject({
    PMSFCR_EL1: (1n << 17n) | (1n << 2n) | (1n << 1n),
    PMSLATFR_EL1: 10n,
    PMSIRR_EL1: 2049n,
    PMSCR_EL1: 0x2bn,
  });
});
