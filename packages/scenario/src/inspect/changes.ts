import { type Mark, Shared, type Store } from "@kvmm/interleave";
import type { Bounded } from "./snapshot.js";

/** What a step changed in one shared object. */
export interface Change {
  /** As a kernel developer would write it: `kvm->mmu_invalidate_seq`. */
  readonly object: string;
  /** Which part of it, where it has several: an index, a page offset, a frame number. */
  readonly key?: number;
  readonly before: string;
  readonly after: string;
}

/** Changes of one step that are kept. */
const MOST_CHANGES = 256;

/** What differs from the state at a mark, out of the journal: each object and key once. */
export function changesSince(store: Store, mark: Mark): Bounded<Change> {
  const first = new Map<Shared, Map<number, { old: unknown; now: unknown }>>();
  for (const { object, key, old, now } of store.changesSince(mark)) {
    let keys = first.get(object);
    if (keys === undefined) {
      keys = new Map();
      first.set(object, keys);
    }
    const seen = keys.get(key);
    if (seen === undefined) keys.set(key, { old, now });
    else seen.now = now;
  }
  const list: Change[] = [];
  let total = 0;
  for (const [object, keys] of first) {
    for (const [key, { old, now }] of keys) {
      if (old === now) continue;
      total++;
      if (list.length >= MOST_CHANGES) continue;
      list.push({
        object: object.name,
        ...(object.keyed ? { key } : {}),
        before: show(old),
        after: show(now),
      });
    }
  }
  return { list, total };
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "none";
  if (value instanceof Shared) return value.name;
  if (Array.isArray(value))
    return `[${value.length > 8 ? `${value.length} of them` : value.map(show).join(", ")}]`;
  if (typeof value === "number" && value >= 0x1_0000) return `0x${value.toString(16)}`;
  if (typeof value !== "object") return String(value);
  const fields = Object.entries(value).map(([name, field]) => `${name} ${show(field)}`);
  return fields.length > 8 ? `{${fields.length} fields}` : `{${fields.join(", ")}}`;
}
