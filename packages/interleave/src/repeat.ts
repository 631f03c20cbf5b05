import type { Store } from "./store.js";

/** A body of {@link repeat} returns this to be run again from its beginning. */
export const AGAIN: unique symbol = Symbol("again");

/** How often a path may repeat itself, with no other task between, before it is said never to end. */
export const REPEAT_LIMIT = 10_000;

/** A retry loop never gets through: no other task can change meanwhile what it waits for. */
export class LivelockError extends Error {
  override name = "LivelockError";
}

/**
 * Runs `body` until it returns something other than {@link AGAIN}: the kernel's retry loops. No local state may
 * pass from one round to the next, so that explored rounds that change nothing lead back to the same state.
 */
export function repeat<T>(store: Store, name: string, body: () => T | typeof AGAIN): T {
  const { task } = store;
  if (task !== null && !task.creating) return task.repeat(name, body);
  for (let round = 0; round < REPEAT_LIMIT; round++) {
    const result = body();
    if (result !== AGAIN) return result;
  }
  throw endless(name);
}

export function endless(name: string): LivelockError {
  return new LivelockError(`${name} repeats for ever: ${REPEAT_LIMIT} rounds in a row did not get through`);
}
