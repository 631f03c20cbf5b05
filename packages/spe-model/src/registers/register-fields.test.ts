import { expect, test } from "vitest";
import {
  BufferEventClass,
  BufferStatusCode,
  FaultStatusCode,
  MIN_INTERVALS,
  PMBIDR,
  PMBLIMITR,
  PMBSR,
  PMSCR,
  PMSFCR,
  PMSICR,
  PMSIDR,
  PMSIRR,
  PMSLATFR,
} from "./spe-registers.js";

/** Each field's bits set, as the masks that Linux generates from arch/arm64/tools/sysreg (7.2). */
const MASKS = [
  [PMSCR, { PCT: 0xc0n, TS: 0x20n, PA: 0x10n, CX: 0x8n, E1SPE: 0x2n, E0SPE: 0x1n }],
  [PMSICR, { ECOUNT: 0xff00_0000_0000_0000n, COUNT: 0xffff_ffffn }],
  [PMSIRR, { INTERVAL: 0xffff_ff00n, RND: 0x1n }],
  [
    PMSFCR,
    {
      SIMDm: 1n << 52n,
      FPm: 1n << 51n,
      STm: 1n << 50n,
      LDm: 1n << 49n,
      Bm: 1n << 48n,
      SIMD: 0x10_0000n,
      FP: 0x8_0000n,
      ST: 0x4_0000n,
      LD: 0x2_0000n,
      B: 0x1_0000n,
      FDS: 0x10n,
      FnE: 0x8n,
      FL: 0x4n,
      FT: 0x2n,
      FE: 0x1n,
    },
  ],
  [PMSLATFR, { MINLAT: 0xffffn }],
  [
    PMSIDR,
    {
      SME: 1n << 32n,
      ALTCLK: 0xf000_0000n,
      FPF: 0x800_0000n,
      EFT: 0x400_0000n,
      CRR: 0x200_0000n,
      PBT: 0x100_0000n,
      FORMAT: 0xf0_0000n,
      COUNTSIZE: 0xf_0000n,
      MAXSIZE: 0xf000n,
      INTERVAL: 0xf00n,
      FDS: 0x80n,
      FnE: 0x40n,
      ERND: 0x20n,
      LDS: 0x10n,
      ARCHINST: 0x8n,
      FL: 0x4n,
      FT: 0x2n,
      FE: 0x1n,
    },
  ],
  [PMBLIMITR, { LIMIT: 0xffff_ffff_ffff_f000n, PMFZ: 0x20n, FM: 0x6n, E: 0x1n }],
  [PMBSR, { EC: 0xfc00_0000n, DL: 0x8_0000n, EA: 0x4_0000n, S: 0x2_0000n, COLL: 0x1_0000n, MSS: 0xffffn }],
  [PMBIDR, { EA: 0xf00n, F: 0x20n, P: 0x10n, ALIGN: 0xfn }],
] as const;

test.each(MASKS.map(([register, masks]) => [register.name, register, masks] as const))(
  "%s has the fields of the kernel's register file, each in its place, and no others",
  (_, register, masks) => {
    const zeros = register.decode(0n);
    expect(Object.keys(zeros).sort()).toEqual(Object.keys(masks).sort());
    for (const [field, mask] of Object.entries(masks)) {
      const low = (mask & -mask) as bigint;
      expect(register.decode(mask), field).toEqual({ ...zeros, [field]: Number(mask / low) });
      expect((register as typeof PMSIRR).encode({ [field]: Number(mask / low) }), field).toBe(mask);
    }
  },
);

test("values of fields are the kernel's", () => {
  expect(BufferEventClass).toEqual({
    bufferManagement: 0b000000,
    stage1Fault: 0b100100,
    stage2Fault: 0b100101,
    granuleProtection: 0b011110,
    implementationDefined: 0b011111,
  });
  expect(BufferStatusCode).toEqual({ notFilled: 0, filled: 1 });
  expect(FaultStatusCode).toEqual({
    addressSize: 0x00,
    translation: 0x04,
    accessFlag: 0x08,
    permission: 0x0c,
    externalAbort: 0x10,
    externalAbortOnWalk: 0x14,
  });
  expect([...MIN_INTERVALS]).toEqual([
    [0, 256],
    [2, 512],
    [3, 768],
    [4, 1024],
    [5, 1536],
    [6, 2048],
    [7, 3072],
    [8, 4096],
  ]);
});
