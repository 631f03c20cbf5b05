import fc from "fast-check";
import type { InstructionAddress } from "../address/address.js";
import { decodeOperation } from "../operation/decode-operation.js";
import type { SpeRecord } from "../record/record.js";

const address = fc.bigInt({ min: 0n, max: (1n << 56n) - 1n });
const cycles = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);

const instruction: fc.Arbitrary<InstructionAddress> = fc.record({
  address,
  el: fc.nat(3),
  ns: fc.boolean(),
  nse: fc.boolean(),
});

const sized = fc
  .constantFrom<(1 | 2 | 4 | 8)[]>(1, 2, 4, 8)
  .chain((width) =>
    fc.tuple(fc.constant(width), fc.bigInt({ min: 0n, max: (1n << BigInt(8 * width)) - 1n })),
  );

/** Any record that hardware could write, and many that it would not. */
export const arbitraryRecord: fc.Arbitrary<SpeRecord> = fc.record(
  {
    pc: instruction,
    target: instruction,
    previousTarget: instruction,
    dataVirtual: fc.record({ address, tag: fc.nat(0xff) }),
    dataPhysical: fc.record({
      address,
      ns: fc.boolean(),
      nse: fc.boolean(),
      checked: fc.boolean(),
      tag: fc.nat(0xf),
    }),
    contextEl1: u32,
    contextEl2: u32,
    operation: fc.tuple(fc.nat(3), fc.nat(0xff)).map(([of, payload]) => decodeOperation(of, payload)),
    events: sized.map(([width, bits]) => ({ width, bits })),
    latency: fc
      .record({ total: cycles, issue: cycles, translation: cycles }, { requiredKeys: [] })
      .filter((latency) => Object.keys(latency).length > 0),
    dataSource: sized.map(([width, value]) => ({ width, value })),
    timestamp: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    unknown: fc.array(
      fc
        .tuple(fc.integer({ min: 5, max: 31 }), address)
        .map(([index, value]) => ({ kind: "address" as const, index, extended: true, value })),
      { minLength: 1, maxLength: 3 },
    ),
  },
  { requiredKeys: [] },
);
