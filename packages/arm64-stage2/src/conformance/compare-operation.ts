import { unfold, type VectorEvent, type VectorOp } from "./vectors.js";

/** What an operation led to, in the vectors' own words. */
export type Result = Record<string, unknown>;

/** The fields of an operation that are not its results. */
const ARGUMENTS = new Set([
  ...["op", "addr", "size", "phys", "prot", "flags", "mc", "race", "fail", "mkold", "type", "annotation"],
  ...["visitor_ret", "force_pte", "desc", "ev", "warn", "nwarn"],
]);

/** Where an operation's results, events and WARNs differ from what the kernel's own code did. */
export function compare(
  op: VectorOp,
  result: Result,
  events: readonly VectorEvent[],
  warns: readonly string[],
): string[] {
  const differences: string[] = [];
  const note = (what: string, want: unknown, got: unknown) => {
    if (same(want, got)) return;
    const [a, b] = [JSON.stringify(want), JSON.stringify(got)];
    differences.push(`${op.op}: ${what}: want ${a?.slice(0, 300)}, got ${b?.slice(0, 300)}`);
  };
  const isArgument = (key: string) =>
    ARGUMENTS.has(key) ||
    (key === "level" && op.op !== "get_leaf") ||
    (key === "root" && op.op === "free_unlinked");
  for (const key of new Set([...Object.keys(op), ...Object.keys(result)])) {
    if (!isArgument(key)) note(key, op[key], result[key]);
  }
  note("ev", unfold(op.ev ?? []), events);
  note("warn", op.warn ?? [], warns.slice(0, 16));
  note("nwarn", op["nwarn"] ?? op.warn?.length ?? 0, warns.length);
  return differences;
}

/** Of numbers, strings and arrays of them. */
function same(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!same(a[i], b[i])) return false;
  return true;
}
