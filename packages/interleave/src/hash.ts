import { Shared } from "./shared-object.js";

/** A value's content cannot be seen, so that a change of it would not change the state. */
export class OpaqueError extends TypeError {
  override name = "OpaqueError";
}

/** Where {@link hashInto} leaves its result. */
export let outLo = 0;
export let outHi = 0;

const FLOAT = new Float64Array(1);
const BITS = new Int32Array(FLOAT.buffer);

/** The high half that no double has which a computation made: a signalling NaN's. */
const SMALL_INTEGER = 0x7ff00001;
const BOOLEAN = 0x2c1b3c6d;
const STRING = 0x297a2d39;
const BIGINT = 0x165667b1;
const NULL = 0x4cf5ad43;
const UNDEFINED = 0x38b34ae5;
const OBJECT = 0x5bd1e995;
const ARRAY = 0x27d4eb2f;
const RECORD = 0x1b56c4e9;

/** The arrays and records that are being hashed, to find those that contain themselves. */
const within: object[] = [];

/**
 * Hashes a value into {@link outLo} and {@link outHi}, which also depend on the seeds. Shared objects count by their
 * identity, arrays and records by their content.
 * @throws OpaqueError for a function, a symbol, an object with private fields only, one that contains itself
 */
export function hashInto(value: unknown, lo: number, hi: number): void {
  switch (typeof value) {
    case "number":
      if ((value | 0) === value) absorb(lo, hi, value, SMALL_INTEGER);
      else {
        FLOAT[0] = value;
        absorb(lo, hi, BITS[0]!, BITS[1]!);
      }
      break;
    case "boolean":
      absorb(lo ^ BOOLEAN, hi, value ? 1 : 0, 0);
      break;
    case "undefined":
      absorb(lo ^ UNDEFINED, hi, 0, 0);
      break;
    case "string":
      absorbText(value, lo ^ STRING, hi);
      break;
    case "bigint":
      absorbText(value.toString(36), lo ^ BIGINT, hi);
      break;
    case "object":
      if (value === null) absorb(lo ^ NULL, hi, 0, 0);
      else if (value instanceof Shared) {
        absorb(lo ^ OBJECT, hi, value.id | 0, Math.floor(value.id / 0x1_0000_0000) | 0);
      } else absorbContent(value, lo, hi);
      break;
    default:
      refuse(`a ${typeof value}`);
  }
}

/** A 64-bit hash of any value that may stand in shared state, as two halves. */
export function hashOf(value: unknown): readonly [lo: number, hi: number] {
  hashInto(value, 0x3c6ef372, 0x6a09e667);
  return [outLo >>> 0, outHi >>> 0];
}

/** The digests of arrays and records, which never change. */
const digests = new WeakMap<object, number>();

/** A value that `===` tells apart from those of other content (53 bits of hash for arrays and records). */
export function digestOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Shared) {
    return Number.isNaN(value) ? "NaN" : value;
  }
  let digest = digests.get(value);
  if (digest === undefined) {
    const [lo, hi] = hashOf(value);
    digest = (hi >>> 11) * 0x1_0000_0000 + lo;
    digests.set(value, digest);
  }
  return digest;
}

/** Mixes two 32-bit words (the finaliser of MurmurHash3 over their combination). */
export function mix(a: number, b: number): number {
  let h = Math.imul(a ^ Math.imul(b, 0xcc9e2d51), 0x1b873593) + 0x52dce729;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function absorb(lo: number, hi: number, a: number, b: number): void {
  outLo = mix(mix(lo, a), b);
  outHi = mix(mix(hi, b), Math.imul(a, 0x9e3779b1));
}

function absorbText(text: string, lo: number, hi: number): void {
  let a = 0x811c9dc5;
  let b = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x85ebca6b) + i;
  }
  absorb(lo, hi, a, b);
}

function absorbContent(value: object, lo: number, hi: number): void {
  if (within.includes(value)) refuse(`a ${nameOf(value)} that contains itself`);
  within.push(value);
  if (Array.isArray(value)) {
    let a = lo ^ ARRAY;
    let b = hi;
    for (const item of value) {
      hashInto(item, a, b);
      a = outLo;
      b = outHi;
    }
    absorb(a, b, value.length, 0);
  } else {
    const keys = value instanceof Error ? ["name", "message", ...Object.keys(value)] : Object.keys(value);
    if (keys.length === 0 && !isPlain(value)) refuse(`a ${nameOf(value)}`);
    let a = 0;
    let b = 0;
    for (const key of keys) {
      absorbText(key, lo ^ RECORD, hi);
      hashInto((value as Record<string, unknown>)[key], outLo, outHi);
      a = (a + outLo) | 0;
      b = (b + outHi) | 0;
    }
    absorb(lo ^ RECORD, hi, a, b);
  }
  within.pop();
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function nameOf(value: object): string {
  return value.constructor?.name ?? "record";
}

function refuse(what: string): never {
  within.length = 0;
  throw new OpaqueError(
    `${what} in shared state: what tasks share or return is numbers, strings, booleans, null, shared objects, and arrays and records of these`,
  );
}
