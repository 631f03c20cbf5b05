/** The registers that software reads and writes. */
export interface UnitRegisters {
  PMSCR_EL1: bigint;
  PMSICR_EL1: bigint;
  PMSIRR_EL1: bigint;
  PMSFCR_EL1: bigint;
  PMSEVFR_EL1: bigint;
  PMSNEVFR_EL1: bigint;
  PMSLATFR_EL1: bigint;
  PMSDSFR_EL1: bigint;
  PMSIDR_EL1: bigint;
  PMBLIMITR_EL1: bigint;
  PMBPTR_EL1: bigint;
  PMBSR_EL1: bigint;
  PMBIDR_EL1: bigint;
}

export type RegisterName = keyof UnitRegisters;

/** A write to a register that only says what the unit can. */
export class ReadOnlyRegisterError extends Error {
  override readonly name = "ReadOnlyRegisterError";
  readonly register: RegisterName;

  constructor(register: RegisterName) {
    super(`${register} is read-only`);
    this.register = register;
  }
}
