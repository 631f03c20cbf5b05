import type { Context } from "../context.js";

/** The width to write for: the terminal's, or what fits in a mail. */
export function widthOf({ stdout, env }: Pick<Context, "stdout" | "env">): number {
  const fromEnv = Number(env["COLUMNS"]);
  const columns = stdout.columns ?? (Number.isInteger(fromEnv) && fromEnv > 0 ? fromEnv : 100);
  return Math.min(200, Math.max(40, columns));
}
