import { isRefusal, type Result } from "@kvmm/mm-core";
import type { CallOutcome } from "./outcome.js";

/** The outcome of a call that returns 0. */
export function zero(result: Result<0>): CallOutcome {
  return isRefusal(result) ? { refusal: result } : {};
}

/** The outcome of a call that returns an address or a descriptor, which a name can stand for. */
export function named(result: Result<number>): CallOutcome {
  return isRefusal(result) ? { refusal: result } : { value: BigInt(result) };
}

/** The outcome of a call that returns how much it did. */
export function count(result: Result<number>): CallOutcome {
  return isRefusal(result) ? { refusal: result } : { observation: { ret: result } };
}

/** An unsigned argument as the model takes it: exact below 2^53, and large enough above to be refused all the same. */
export function unsigned(value: bigint): number {
  return Number(value);
}

/** An off_t, or another signed 64-bit argument. */
export function signed(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}

/** An int: a descriptor, a node. */
export function int(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}
