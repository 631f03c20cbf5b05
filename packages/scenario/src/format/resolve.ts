import type { ArgumentValue } from "./argument.js";
import type { CallName, ResolvedArguments } from "./calls/index.js";
import { callFormat } from "./calls/index.js";
import type { Environment } from "./expression.js";

/**
 * The values of a step's arguments: expressions evaluated, flags or-ed together, and what was left out
 * as the format says. The step has been checked; a name that is not known throws an ExpressionError
 * (an earlier call that was to give it failed).
 */
export function resolveArguments<C extends CallName>(
  call: C,
  args: Readonly<Record<string, ArgumentValue>> | undefined,
  environment: Environment,
): ResolvedArguments<C> {
  const resolved: Record<string, unknown> = {};
  for (const [name, argument] of Object.entries(callFormat(call).args)) {
    const written = args?.[name] ?? argument.absent;
    resolved[name] = written === undefined ? undefined : argument.type.resolve(written, environment);
  }
  // The table above is where ResolvedArguments gets its types from.
  return resolved as ResolvedArguments<C>;
}
