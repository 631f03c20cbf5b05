import { type ArgumentValue, count } from "../format/argument.js";
import { callFormat, isCallName } from "../format/calls/index.js";
import type { Step } from "../format/step.js";

/** `mmap(length 16p, prot rw, flags MAP_PRIVATE|MAP_ANONYMOUS) as ram`, on one line. */
export function renderStep({ call, args = {}, as, task }: Step): string {
  const types = isCallName(call) ? callFormat(call).args : {};
  const written = Object.entries(args).map(
    ([name, value]) => `${name} ${types[name]?.type === count ? String(value) : renderArgument(value)}`,
  );
  const named = as === undefined ? "" : ` as ${as}`;
  const by = task === undefined ? "" : ` by ${task}`;
  return `${call}(${written.join(", ")})${named}${by}`;
}

export function renderArgument(value: ArgumentValue): string {
  if (typeof value === "number" || typeof value === "bigint") return renderNumber(value);
  if (!Array.isArray(value)) return String(value);
  const isFlags =
    value.length > 0 && value.every((element) => typeof element === "string" && /^[A-Z]/.test(element));
  return isFlags ? value.join("|") : `[${value.join(", ")}]`;
}

/** Addresses in hexadecimal, as anybody would write them; counts as they are. */
function renderNumber(value: number | bigint): string {
  return value >= 0x1_0000 ? `0x${value.toString(16)}` : String(value);
}
