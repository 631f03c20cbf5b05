import type { Argument } from "../argument.js";
import type { NameKind } from "../names.js";

type Arguments = Readonly<Record<string, Argument>>;

/** One call of the vocabulary: what may be said about it, and what it does, in a line. */
export interface CallFormat<A extends Arguments = Arguments> {
  readonly args: A;
  /** What `as` names, where the call returns something that can be named. */
  readonly gives?: NameKind;
  /** Only where a step belongs to a child: `exit`. */
  readonly needsTask?: boolean;
  readonly does: string;
}

export function call<const A extends Arguments>(
  does: string,
  args: A,
  more: { gives?: NameKind; needsTask?: boolean } = {},
): CallFormat<A> {
  return { does, args, ...more };
}
