import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RecordDecoder } from "../record/record-decoder.js";
import { Workload } from "../workload/workload.js";
import { BufferMemory } from "./buffer-memory.js";
import { ProfilingSession, type SessionOptions } from "./profiling-session.js";

const BASE = 0xffff_8000_8000_0000n;

function session(options: Partial<SessionOptions> = {}) {
  const size = options.bufferSize ?? 65_536;
  const memory = new BufferMemory(BASE, size);
  const decoder = new RecordDecoder();
  const decoded = { records: 0, errors: 0, bytes: 0 };
  const sink = (item: { kind: "record" | "error" }) => {
    if (item.kind === "record") decoded.records++;
    else decoded.errors++;
  };
  const run = new ProfilingSession({
    program: new Workload(),
    memory,
    cpu: memory,
    config: { samplePeriod: 1024 },
    ...options,
    onData: (bytes, offset) => {
      expect(offset).toBe(decoded.bytes);
      decoded.bytes += bytes.length;
      decoder.push(bytes, sink);
    },
  });
  return { memory, run, decoded, finish: () => decoder.end(sink) };
}

describe("a session without faults", () => {
  test("loses nothing: perf record reads what the unit wrote, and blackouts are the interrupts' latency", () => {
    const { run, decoded, finish } = session();
    run.run(10_000_000);
    const result = run.end();
    finish();
    expect(result.counters.lost).toBe(0);
    expect(decoded).toMatchObject({ records: result.counters.written, errors: 0, bytes: result.bytesRead });
    expect(result.interrupts).toEqual({ ok: result.counters.filled, fatal: 0, spurious: 0 });
    expect(result.blackoutOperations).toBe(500 * result.interrupts.ok);
    expect(result.blackoutCount).toBe(result.interrupts.ok);
    expect(result.counters.samples).toBe(Math.floor((10_000_000 - result.blackoutOperations) / 1024));
  });

  test("a reader that is slow truncates", () => {
    const { run } = session({ readDelay: 3_000_000 });
    run.run(10_000_000);
    const result = run.end();
    expect(result.blackoutOperations).toBeGreaterThan(3_000_000);
    expect(result.blackoutSamples).toBe(Math.floor(result.blackoutOperations / 1024));
  });
});

describe("a page of the buffer that is unmapped for a moment", () => {
  const faulted = (options: Partial<SessionOptions> = {}) => {
    const { memory, run, decoded, finish } = session(options);
    run.run(200_000);
    memory.unmap(5, { reason: "stage2", fsc: 7 });
    run.run(140_000);
    memory.map(5);
    run.run(2_000_000);
    const result = run.end();
    finish();
    return { result, decoded };
  };

  test("costs the record, and all samples until perf record has read the buffer", () => {
    const { result, decoded } = faulted();
    expect(result.interrupts.fatal).toBe(1);
    expect(result.counters).toMatchObject({ stage2: 1, lost: 1 });
    expect(decoded.records).toBe(result.counters.written);
    const [longest] = [...result.blackouts].sort((a, b) => b.operations - a.operations);
    expect(longest).toEqual({ from: expect.any(Number), operations: 20_500, open: false });
  });

  test("costs the rest of the profile if nothing is lost: nobody enables the event again", () => {
    const { result } = faulted({ unit: { onFault: "hold" } });
    expect(result.interrupts.fatal).toBe(1);
    expect(result.blackouts.at(-1)).toMatchObject({ open: true });
    expect(result.blackoutOperations).toBeGreaterThan(1_500_000);
  });
});

test.each([
  ["excludeUser", 0],
  ["excludeKernel", 1],
] as const)("with %s, what runs at EL%i is no blackout", (exclude, el) => {
  const { run } = session({ config: { samplePeriod: 1024, [exclude]: true } });
  run.run(100_000, el);
  expect(run.result()).toMatchObject({ blackoutOperations: 0, blackoutCount: 0, counters: { samples: 0 } });
  run.run(100_000, el === 0 ? 1 : 0);
  expect(run.result()).toMatchObject({ blackoutOperations: 0, counters: { counted: 100_000 } });
});

test("the same seeds give the same session", () => {
  const once = () => {
    const { run, memory } = session({ config: { samplePeriod: 512, jitter: true } });
    run.run(500_000);
    memory.unmap(2, { reason: "stage2", fsc: 7 });
    run.run(500_000);
    return run.end();
  };
  expect(once()).toEqual(once());
});

test("whatever is unmapped when, decoding finds all records that were written, and the account closes", () => {
  const step = fc.record({
    operations: fc.nat(200_000),
    page: fc.nat(3),
    unmap: fc.boolean(),
    reschedule: fc.boolean(),
  });
  const options = fc.record({
    interruptDelay: fc.constantFrom(0, 500, 5000),
    readDelay: fc.constantFrom(0, 1000, 90_000),
    unit: fc.record({
      onFault: fc.constantFrom("lose" as const, "hold" as const),
      writeDelay: fc.constantFrom(0, 2000),
    }),
    samplePeriod: fc.constantFrom(256, 1024),
  });
  fc.assert(
    fc.property(options, fc.array(step, { maxLength: 10 }), ({ samplePeriod, ...each }, steps) => {
      const { run, memory, decoded, finish } = session({
        ...each,
        bufferSize: 16_384,
        config: { samplePeriod },
      });
      for (const { operations, page, unmap, reschedule } of steps) {
        if (unmap) memory.unmap(page, { reason: "stage2", fsc: 7 });
        else memory.map(page);
        run.run(operations);
        if (reschedule) {
          run.driver.scheduleOut();
          run.driver.scheduleIn();
        }
      }
      const result = run.end();
      finish();
      const { written, lost, collisions, abandoned, filtered, discarded, samples } = result.counters;
      expect(decoded).toEqual({ records: written, errors: 0, bytes: result.bytesRead });
      expect(written + lost + collisions + abandoned + filtered + discarded).toBe(samples);
    }),
    { numRuns: 200 },
  );
}, 30_000);

test("a buffer of one page is refused", () => {
  expect(() => session({ bufferSize: 4096 })).toThrow("bufferSize is 4096");
});

test("while the CPU is held up sampling goes on, and the interrupt of a fault is handled afterwards", () => {
  const memory = new BufferMemory(BASE, 65_536);
  const outcomes: string[] = [];
  const session = new ProfilingSession({
    program: new Workload(),
    memory,
    cpu: memory,
    base: BASE,
    config: { samplePeriod: 1024 },
    onInterrupt: ({ action }) => outcomes.push(action),
  });
  session.stall(10_000);
  expect(session.result().counters).toMatchObject({ operations: 10_000, stage2: 0 });
  expect(session.result().counters.written).toBeGreaterThan(7);
  memory.unmap(0, { reason: "stage2", fsc: 6 });
  session.stall(5000);
  expect(outcomes).toEqual([]);
  expect(session.result().counters.stage2).toBe(1);
  memory.map(0);
  session.run(501);
  expect(outcomes).toEqual(["fatal"]);
});
