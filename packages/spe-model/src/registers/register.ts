import { EncodeError } from "../packet/encode-error.js";

/** A field's highest and lowest bit. */
export type FieldBits = readonly [high: number, low: number];

/** A system register: names for its bits. Fields above 53 bits do not occur. */
export class Register<Field extends string> {
  readonly name: string;
  readonly #fields: readonly (readonly [Field, FieldBits])[];

  constructor(name: string, fields: Readonly<Record<Field, FieldBits>>) {
    this.name = name;
    this.#fields = Object.entries(fields) as [Field, FieldBits][];
  }

  /** The fields of a 64-bit value. */
  decode(value: bigint): Record<Field, number> {
    return Object.fromEntries(
      this.#fields.map(([field, [high, low]]) => [
        field,
        Number(BigInt.asUintN(high - low + 1, value >> BigInt(low))),
      ]),
    ) as Record<Field, number>;
  }

  /**
   * The value with these fields; the others, and bits that belong to no field, are 0.
   * @throws EncodeError if a field does not fit its bits.
   */
  encode(fields: Partial<Record<Field, number>>): bigint {
    let value = 0n;
    for (const [field, [high, low]] of this.#fields) {
      const part = fields[field] ?? 0;
      const max = 2 ** (high - low + 1) - 1;
      if (!Number.isInteger(part) || part < 0 || part > max)
        throw new EncodeError(`${this.name}.${field}`, part, `0 to ${max}`);
      value |= BigInt(part) << BigInt(low);
    }
    return value;
  }
}
