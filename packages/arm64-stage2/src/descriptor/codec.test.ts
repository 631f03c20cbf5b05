import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pa } from "../address.js";
import { geometryOf, granuleSize, type PageSize } from "../geometry/geometry.js";
import { type Machine, machine } from "../machine.js";
import { decodeDescriptor, pteProt, pteValid } from "./decode.js";
import type { LeafDescriptor } from "./descriptor.js";
import { encodeDescriptor, encodeLeafFor } from "./encode.js";
import { join, lowerHalf, upperHalf } from "./halves.js";
import { memoryType } from "./memory-type.js";
import { addressLayout, physToPteHi, physToPteLo, pteToPhys } from "./output-address.js";
import { formatProt, Prot, parseProt } from "./prot.js";

const machines = fc.oneof(
  fc
    .record({
      pageSize: fc.constantFrom<PageSize>(4096, 16384),
      lpa2: fc.boolean(),
      fwb: fc.boolean(),
      xnx: fc.boolean(),
    })
    .map(machine),
  fc
    .record({
      pageSize: fc.constant<PageSize>(65536),
      pa52: fc.boolean(),
      fwb: fc.boolean(),
      xnx: fc.boolean(),
    })
    .map(machine),
);
const levels = fc.integer({ min: 0, max: 3 });
const descriptors = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });

const leaf: LeafDescriptor = {
  kind: "page",
  pa: pa(0x8000_0000),
  read: true,
  write: false,
  xn: 2,
  memAttr: 6,
  shareability: 3,
  accessFlag: true,
  dirtyBitModifier: false,
  contiguous: false,
  software: 0,
  rest: 0n,
};

describe("descriptors", () => {
  test("any 64 bits at any level are decoded and encoded again without loss", () => {
    fc.assert(
      fc.property(machines, descriptors, levels, (m, desc, level) => {
        expect(encodeDescriptor(m, decodeDescriptor(m, desc, level), level)).toBe(desc);
      }),
    );
  });

  test("the codec and the tables' own halves put addresses in the same place", () => {
    fc.assert(
      fc.property(machines, descriptors, (m, desc) => {
        const layout = addressLayout(m);
        const decoded = decodeDescriptor(m, desc | 3n, 3) as LeafDescriptor;
        const phys = pteToPhys(layout, lowerHalf(desc), upperHalf(desc));
        expect(phys).toBe(decoded.pa);
        const address = join(physToPteLo(layout, phys), physToPteHi(layout, phys));
        expect(address).toBe(encodeDescriptor(m, { kind: "table", pa: phys, rest: 0n }, 2) & ~3n);
      }),
    );
  });

  test("a leaf that KVM makes says what it was asked for, or KVM refuses", () => {
    fc.assert(
      fc.property(machines, fc.integer({ min: 0, max: 1023 }), fc.boolean(), (m, prot, asS1) => {
        const size = granuleSize(geometryOf(m.pageSize), 3);
        const made = encodeLeafFor(m, pa(5 * size), prot, 3, asS1);
        const special = (prot & (Prot.DEVICE | Prot.NORMAL_NC)) !== 0;
        const both = (prot & Prot.DEVICE) !== 0 && (prot & Prot.NORMAL_NC) !== 0;
        const halfExecutable = (prot & Prot.X) !== 0 && (prot & Prot.X) !== Prot.X;
        if (both || (special && (prot & Prot.X) !== 0) || (!m.xnx && halfExecutable)) {
          expect(made).toBe(-22);
          return;
        }
        expect(pteValid(made as bigint)).toBe(true);
        expect(pteProt(made as bigint)).toBe(prot & ~(Prot.DEVICE | Prot.NORMAL_NC));
        const decoded = decodeDescriptor(m, made as bigint, 3) as LeafDescriptor;
        expect(decoded).toMatchObject({ kind: "page", pa: 5 * size, accessFlag: true, rest: 0n });
        if (!asS1) {
          const type = prot & Prot.DEVICE ? "device-nGnRE" : prot & Prot.NORMAL_NC ? "normal-nc" : "normal";
          expect(memoryType(m, decoded.memAttr)).toBe(type);
        }
      }),
    );
  });

  test("good: what a kernel of today writes", () => {
    const m = machine();
    expect(decodeDescriptor(m, 0n, 3)).toEqual({ kind: "empty" });
    expect(decodeDescriptor(m, 1n << 60n, 3)).toEqual({ kind: "invalid", type: 1, annotation: 0n });
    expect(encodeLeafFor(m, pa(0xab_c000_0000), Prot.RWX, 2)).toBe(0xab_c000_07d9n);
    expect(decodeDescriptor(m, 0x40_0000_8000_07dbn, 3)).toEqual({ ...leaf, write: true });
    expect(decodeDescriptor(m, 0x8000_0003n, 1)).toEqual({ kind: "table", pa: 0x8000_0000, rest: 0n });
    expect(decodeDescriptor(m, 1n, 0)).toEqual({ kind: "reserved", desc: 1n });
    expect(decodeDescriptor(m, 1n, 3)).toEqual({ kind: "reserved", desc: 1n });
  });

  test("bad: what no descriptor can say", () => {
    const m = machine();
    const bad: [string, () => unknown, string][] = [
      ["65 bits", () => decodeDescriptor(m, 1n << 64n, 3), "no 64-bit descriptor"],
      ["negative", () => decodeDescriptor(m, -1n, 3), "no 64-bit descriptor"],
      ["level 4", () => decodeDescriptor(m, 0n, 4), "4 is no level"],
      ["level 1.5", () => encodeDescriptor(m, leaf, 1.5), "1.5 is no level"],
      ["a page at level 2", () => encodeDescriptor(m, leaf, 2), "no page at level 2"],
      ["a block at level 3", () => encodeDescriptor(m, { ...leaf, kind: "block" }, 3), "no block at level 3"],
      [
        "a table at level 3",
        () => encodeDescriptor(m, { kind: "table", pa: pa(0), rest: 0n }, 3),
        "no tables at level 3",
      ],
      [
        "52 bits without LPA2",
        () => encodeDescriptor(m, { ...leaf, pa: pa(2 ** 50) }, 3),
        "too large for the descriptor",
      ],
      ["an unaligned page", () => encodeDescriptor(m, { ...leaf, pa: pa(0x800) }, 3), "not aligned"],
      ["MemAttr of 5 bits", () => encodeDescriptor(m, { ...leaf, memAttr: 16 }, 3), "memAttr is 16"],
      ["NaN", () => encodeDescriptor(m, { ...leaf, software: Number.NaN }, 3), "software is NaN"],
      ["SH with LPA2", () => encodeDescriptor(machine({ lpa2: true }), leaf, 3), "shareability is 3"],
      ["rest over fields", () => encodeDescriptor(m, { ...leaf, rest: 1n }, 3), "bits that belong elsewhere"],
      [
        "a valid annotation",
        () => encodeDescriptor(m, { kind: "invalid", type: 2, annotation: 1n }, 3),
        "belong elsewhere",
      ],
      ["unknown prot", () => encodeLeafFor(m, pa(0), 1024, 3), "no union of Prot bits"],
      ["no address", () => pa(2 ** 52 + 1), "not an integer from 0 to 2^52"],
      ["half an address", () => pa(0.5), "not an integer"],
    ];
    for (const [what, run, message] of bad) expect(run, what).toThrow(message);
  });
});

test("names of permissions are written and read", () => {
  for (let prot = 0; prot < 1024; prot++) expect(parseProt(formatProt(prot))).toBe(prot);
  expect(parseProt("RWX")).toBe(Prot.RWX);
  expect(() => parseProt("R|toString")).toThrow('"toString" is no name of a Prot bit');
  expect(() => formatProt(-1)).toThrow("-1 is no union");
});

test("memory types", () => {
  const types = (m: Machine) => Array.from({ length: 16 }, (_, attr) => memoryType(m, attr));
  expect(types(machine({ fwb: true })).slice(0, 8)).toEqual([
    ...[
      "device-nGnRnE",
      "device-nGnRE",
      "device-nGRE",
      "device-GRE",
      "other",
      "normal-nc",
      "normal",
      "as-stage-1",
    ],
  ]);
  expect(types(machine({ fwb: false })).slice(5, 8)).toEqual(["normal-nc", "other", "other"]);
  expect(memoryType(machine({ fwb: false }), 15)).toBe("normal");
});
