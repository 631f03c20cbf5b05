import type { World } from "../run/world.js";
import { GuestProfile, type ProfileFigures } from "../spe/guest-profile.js";

/** The profiling buffer of a guest with Arm SPE, and what the profile has come to so far. */
export interface SpeView {
  /** Guest physical address of the buffer. */
  readonly gpa: number;
  /** Bytes of the buffer. */
  readonly size: number;
  /** Frames that are pinned for it. */
  readonly pinned: number;
  readonly figures: ProfileFigures;
}

/** The profile that goes on; null where the guest does not profile. As it is; not an access. */
export function speView({ spe }: World): SpeView | null {
  if (!(spe instanceof GuestProfile)) return null;
  return { gpa: spe.gpa, size: spe.size, pinned: spe.pinned.length, figures: spe.figures() };
}
