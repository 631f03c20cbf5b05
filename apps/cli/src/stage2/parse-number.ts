import { InvalidArgumentError } from "commander";

/** A number of at most `bits` bits, in hex or decimal, as an argument of a command. */
export function parseBits(bits: number): (value: string) => bigint {
  return (value) => {
    const isNumber = /^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(value);
    const number = isNumber ? BigInt(value) : -1n;
    if (number < 0n || BigInt.asUintN(bits, number) !== number)
      throw new InvalidArgumentError(`it should be a number of at most ${bits} bits, such as 0x80000000.`);
    return number;
  };
}

/** A step of a scenario. */
export function parseStep(value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new InvalidArgumentError("it should be a step's number; the first is 0.");
}

/** A level of stage-2 tables. */
export function parseLevel(value: string): number {
  if (/^[0-3]$/.test(value)) return Number(value);
  throw new InvalidArgumentError("it should be a level from 0 to 3.");
}
