import type { Patch } from "./define-patch.js";
import { gmemIgnoreNotifiersRfc } from "./gmem-ignore-notifiers-rfc.js";
import { gmemSkipHandler } from "./gmem-skip-handler.js";
import { gmemSkipUnmapKeepRange } from "./gmem-skip-unmap-keep-range.js";

/** The built-in patches. A new one is a file of its own, and a line here. */
export const patches: readonly Patch[] = [gmemIgnoreNotifiersRfc, gmemSkipHandler, gmemSkipUnmapKeepRange];

export function patchOf(name: string): Patch | undefined {
  return patches.find((patch) => patch.name === name);
}
