import { hashInto, mix, outHi, outLo } from "./hash.js";
import { Shared } from "./shared-object.js";

/** What a call has observed since it began, and a running hash of it. */
export interface Log {
  readonly values: unknown[];
  readonly objects: number[];
  readonly kinds: number[];
  readonly lo: number[];
  readonly hi: number[];
}

export function newLog(): Log {
  return { values: [], objects: [], kinds: [], lo: [], hi: [] };
}

/** Forgets what came later. */
export function truncate(log: Log, length: number): void {
  log.values.length = log.objects.length = log.kinds.length = log.lo.length = log.hi.length = length;
}

/** A copy of a part. */
export function slice(log: Log, from: number, to: number): Log {
  return {
    values: log.values.slice(from, to),
    objects: log.objects.slice(from, to),
    kinds: log.kinds.slice(from, to),
    lo: log.lo.slice(from, to),
    hi: log.hi.slice(from, to),
  };
}

/** Adds what an access observed. @param content what of it is hashed @param call the number of the call that it is of */
export function append(log: Log, call: number, value: unknown, content: unknown): void {
  const n = log.values.length;
  hashInto(content, 0x3c6ef372, 0x6a09e667);
  log.lo.push(mix(n === 0 ? call : log.lo[n - 1]!, outLo));
  log.hi.push(mix(n === 0 ? ~call : log.hi[n - 1]!, outHi));
  log.values.push(value);
}

/** Is a write that is repeated the one that was logged? Arrays and records are made anew each time. */
export function repeatsWrite(before: unknown, value: unknown): boolean {
  return Object.is(before, value) || (isContent(before) && isContent(value));
}

/** An array or a record, which counts by its content. */
function isContent(value: unknown): boolean {
  return typeof value === "object" && value !== null && !(value instanceof Shared);
}

export function show(value: unknown): string {
  return value instanceof Shared ? value.name : String(value);
}
