import { readFileSync } from "node:fs";
import { Store } from "@kvmm/interleave";
import { expect, test } from "vitest";
import { hex } from "../address.js";
import type { VtcrVector } from "../conformance/vectors.js";
import { machine } from "../machine.js";
import { Stage2 } from "../stage2.js";
import { geometryOf, supportedBlockSizes } from "./geometry.js";
import { initIpaRange, setIpaLimit } from "./ipa-limit.js";
import { decodeVtcr, getVtcr, mmuCacheMinPages, pgdSize } from "./vtcr.js";

const text = readFileSync(new URL("../../vectors/vtcr.jsonl", import.meta.url), "utf8");
const vectors = text
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as VtcrVector);

/** What the model says about the inputs of a vector, in the vector's form. */
function answer(vector: VtcrVector): Record<string, unknown> {
  const { PAGE_SIZE, CONFIG_ARM64_PA_BITS_52, LPA2, ARM64_WORKAROUND_AMPERE_AC03_CPU_38, type } = vector;
  const { ID_AA64MMFR0_EL1, ID_AA64MMFR1_EL1 } = vector;
  const inputs = {
    ...{ PAGE_SIZE, CONFIG_ARM64_PA_BITS_52, LPA2, ARM64_WORKAROUND_AMPERE_AC03_CPU_38 },
    ...{ ID_AA64MMFR0_EL1, ID_AA64MMFR1_EL1, type },
  };
  const mmfr0 = BigInt(ID_AA64MMFR0_EL1);
  const m = machine({ pageSize: PAGE_SIZE, pa52: CONFIG_ARM64_PA_BITS_52, lpa2: LPA2 });
  const limit = setIpaLimit(m, mmfr0);
  if (limit < 0) return { ...inputs, kvm_set_ipa_limit: limit };
  const options = { ampereAc03Cpu38: ARM64_WORKAROUND_AMPERE_AC03_CPU_38 };
  const vtcr = initIpaRange(m, limit, type, mmfr0, BigInt(ID_AA64MMFR1_EL1), options);
  const limits = { ...inputs, kvm_set_ipa_limit: 0, kvm_ipa_limit: limit };
  if (typeof vtcr === "number") return { ...limits, kvm_init_ipa_range: vtcr };
  const fields = decodeVtcr(m, vtcr);
  return {
    ...limits,
    kvm_init_ipa_range: 0,
    vtcr: hex(vtcr),
    ia_bits: fields.iaBits,
    start_level: fields.startLevel,
    levels: fields.levels,
    kvm_mmu_cache_min_pages: mmuCacheMinPages(fields),
    pgd_size: hex(pgdSize(m, vtcr)),
    concatenated_tables: fields.pgdPages,
    kvm_supported_block_sizes: hex(supportedBlockSizes(geometryOf(PAGE_SIZE))),
    init: new Stage2({ store: new Store(), machine: m, vtcr }).init(),
  };
}

test(`VTCR_EL2 and the layout of the tables: ${vectors.length} vectors`, () => {
  expect(vectors.length).toBeGreaterThan(2000);
  for (const vector of vectors) expect(answer(vector)).toEqual(vector);
});

test("without CONFIG_ARM64_HW_AFDBM the access flag is software's", () => {
  const m = machine();
  expect(getVtcr(m, 5n, 0n, 40) & ~getVtcr(m, 5n, 0n, 40, { hwAfdbm: false })).toBe(1n << 21n);
});

test("tables that no VTCR_EL2 of KVM asks for are refused", () => {
  const store = new Store();
  const m = machine();
  const vtcr = getVtcr(m, 5n, 0n, 40);
  expect(() => new Stage2({ store, machine: m, vtcr: vtcr | 0xc0n })).toThrow(
    "asks for 40 bits from level -1",
  );
  expect(() => new Stage2({ store, machine: m, vtcr: vtcr & ~0x3fn })).toThrow("no such tables");
  expect(() => machine({ pageSize: 8192 as 4096 })).toThrow("page size: 8192");
  expect(() => machine({ pageSize: 65536, lpa2: true })).toThrow("LPA2 is for 4K and 16K pages");
});
