import type { Gfn, GfnRange } from "@kvmm/kvm-memslots";

/** Guest pages whose frames are pinned for a device, so that stage 2 keeps them when a notifier asks for them. */
export interface PinnedRange {
  readonly start: Gfn;
  /** Exclusive. */
  readonly end: Gfn;
}

/**
 * What of a range an MMU notifier takes away: all but the pinned pages, unless user space unmaps them
 * (MMU_NOTIFY_UNMAP). A pinned page stays where it is, so that for any other event stage 2 may keep it.
 */
export function unpinnedParts(
  { start, end, event }: GfnRange,
  pinned: PinnedRange | null,
): readonly (readonly [start: Gfn, end: Gfn])[] {
  if (pinned === null || event === undefined || event === "UNMAP") return [[start, end]];
  const parts: (readonly [Gfn, Gfn])[] = [];
  if (start < pinned.start) parts.push([start, Math.min(end, pinned.start)]);
  if (end > pinned.end) parts.push([Math.max(start, pinned.end), end]);
  return parts;
}
