import type { SampledOperation } from "../operation/operation.js";
import { PMSFCR, PMSLATFR } from "../registers/spe-registers.js";
import type { ExecutedOperation } from "./executed-operation.js";

/** The registers that say which sampled operations get a record. */
export interface FilterRegisters {
  readonly PMSFCR_EL1: bigint;
  readonly PMSEVFR_EL1: bigint;
  readonly PMSNEVFR_EL1: bigint;
  readonly PMSLATFR_EL1: bigint;
  readonly PMSDSFR_EL1: bigint;
}

function isVector(operation: SampledOperation): boolean {
  if (operation.class === "other") return operation.subclass !== "other" || operation.simd;
  return operation.class === "memory" && (operation.subclass === "sve" || operation.subclass === "simd-fp");
}

function isFloatingPoint(operation: SampledOperation): boolean {
  if (operation.class === "other") return operation.floatingPoint;
  return operation.class === "memory" && operation.subclass === "simd-fp";
}

/** Filter by type: any of the types asked for, and all of those with a mask (FEAT_SPE_EFT). */
function passesType(operation: SampledOperation, control: bigint): boolean {
  const { B, LD, ST, SIMD, FP, Bm, LDm, STm, SIMDm, FPm } = PMSFCR.decode(control);
  const memory = operation.class === "memory";
  // An atomic operation is both a load and a store.
  const both = memory && operation.subclass === "extended" && operation.atomic;
  const types: readonly [is: boolean, wanted: number, mask: number][] = [
    [operation.class === "branch", B, Bm],
    [memory && (!operation.store || both), LD, LDm],
    [memory && (operation.store || both), ST, STm],
    [isVector(operation), SIMD, SIMDm],
    [isFloatingPoint(operation), FP, FPm],
  ];
  const masked = types.filter(([, , mask]) => mask === 1);
  const free = types.filter(([, wanted, mask]) => mask === 0 && wanted === 1);
  return (
    masked.every(([is, wanted]) => is === (wanted === 1)) &&
    (free.length === 0 ? masked.length > 0 : free.some(([is]) => is))
  );
}

/**
 * Whether a sampled operation gets a record: all filters that PMSFCR_EL1 turns on have to pass
 * (Arm ARM, "Filtering sample records").
 */
export function passesFilters(operation: ExecutedOperation, registers: FilterRegisters): boolean {
  if (registers.PMSFCR_EL1 === 0n) return true;
  const { FE, FT, FL, FnE, FDS } = PMSFCR.decode(registers.PMSFCR_EL1);
  if (FT && !passesType(operation.operation, registers.PMSFCR_EL1)) return false;
  if (FE && (operation.events & registers.PMSEVFR_EL1) !== registers.PMSEVFR_EL1) return false;
  if (FnE && (operation.events & registers.PMSNEVFR_EL1) !== 0n) return false;
  if (FL && operation.latency.total < PMSLATFR.decode(registers.PMSLATFR_EL1).MINLAT) return false;
  const source = operation.dataSource;
  if (FDS && source !== undefined && source < 64 && ((registers.PMSDSFR_EL1 >> BigInt(source)) & 1n) === 0n)
    return false;
  return true;
}
