/** A field has a value that its bits cannot hold. */
export class EncodeError extends RangeError {
  override readonly name = "EncodeError";
  /** Which field. */
  readonly field: string;
  /** The value it was given. */
  readonly value: number | bigint | string;

  constructor(field: string, value: number | bigint | string, allowed: string) {
    super(`${field} is ${value}; allowed is ${allowed}`);
    this.field = field;
    this.value = value;
  }
}
