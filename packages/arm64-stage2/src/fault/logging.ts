import type { Memslot } from "@kvmm/kvm-memslots";

/** memslot_is_logging(): a read-only memslot with a dirty log has nothing to note. */
export function memslotIsLogging(slot: Memslot): boolean {
  return slot.dirtyBitmap !== null && !slot.isReadonly;
}
