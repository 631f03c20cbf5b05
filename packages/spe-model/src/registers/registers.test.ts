import fc from "fast-check";
import { expect, test } from "vitest";
import { PMBLIMITR, PMBSR, PMSCR, PMSFCR, PMSICR, PMSIDR, PMSIRR } from "./spe-registers.js";

const all = [PMBLIMITR, PMBSR, PMSCR, PMSFCR, PMSICR, PMSIDR, PMSIRR];

test.each(all.map((register) => [register.name, register] as const))(
  "%s: fields come back",
  (_, register) => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (value) => {
        const fields = register.decode(value);
        expect(register.decode(register.encode(fields))).toEqual(fields);
      }),
    );
  },
);

test("a stage-2 translation fault at level 3 is what the driver prints", () => {
  expect(PMBSR.encode({ EC: 0x25, DL: 1, S: 1, MSS: 7 })).toBe(0x940a0007n);
});

test("the buffer's limit is in pages of 4 KiB", () => {
  expect(PMBLIMITR.decode(0xffff_8000_1234_5001n)).toMatchObject({ LIMIT: 0xffff800012345, E: 1, FM: 0 });
});

test("what does not fit is refused", () => {
  expect(() => PMSCR.encode({ PCT: 4 })).toThrow("PMSCR_EL1.PCT is 4; allowed is 0 to 3");
});
