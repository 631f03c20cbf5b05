import { type DamosScheme, damosPa, damosVa } from "@kvmm/mm-core";
import type { CallBinding } from "../outcome.js";
import { int, unsigned } from "../results.js";
import { framesBehind } from "./frames-behind.js";

/** damos_apply_scheme(): by virtual address, or by that of the frames behind the range. */
export const damos: CallBinding<"damos"> = (
  world,
  task,
  { ops, addr, length, action, target_nid, matching, allow },
) => {
  world.host.lru.drain();
  const scheme: DamosScheme = { action, targetNid: int(target_nid), matching, allow };
  const start = unsigned(addr);
  if (ops === "fvaddr") damosVa(task, start, start + unsigned(length), scheme);
  else {
    const frames = framesBehind(task, start, unsigned(length)).map(({ frame }) => frame);
    damosPa(world.host, frames, scheme);
  }
  return {};
};
