import type { Expression } from "../format/expression.js";
import { parseExpression } from "../format/expression.js";
import type { Step } from "../format/step.js";

/**
 * An address of which not everything need be known: names whose value the steps do not tell stand for
 * themselves. Two places are equal when they are for every value of those names.
 */
export interface Place {
  /** The unknown names, sorted, with their signs: `"+moved@7"`; `""` where all is known. */
  readonly symbols: string;
  readonly offset: bigint;
}

/** What the names stand for at one step. */
export type Places = ReadonlyMap<string, Place>;

const nowhere: Place = { symbols: "", offset: 0n };

export function placeOf(expression: Expression, places: Places, pageSize: number): Place {
  const symbols: string[] = [];
  let offset = 0n;
  for (const term of parseExpression(expression).terms) {
    if (term.kind === "number") {
      const value = term.pages ? term.value * BigInt(pageSize) : term.value;
      offset += term.negative ? -value : value;
      continue;
    }
    const place = places.get(term.name) ?? { symbols: `+${term.name}`, offset: 0n };
    offset += term.negative ? -place.offset : place.offset;
    if (place.symbols !== "") symbols.push(term.negative ? negated(place.symbols) : place.symbols);
  }
  return { symbols: symbols.sort().join(""), offset: BigInt.asUintN(64, offset) };
}

const negated = (symbols: string) => symbols.replace(/[+-]/g, (sign) => (sign === "+" ? "-" : "+"));

/** The first page of a place, and what it is counted from. */
export function pageOf(place: Place, pageSize: number): { readonly symbols: string; readonly page: number } {
  return { symbols: place.symbols, page: Number(place.offset / BigInt(pageSize)) };
}

/** What every name stands for before each step, as far as the steps tell. */
export function placesOfSteps(steps: readonly Step[], pageSize: number): readonly Places[] {
  const before: Places[] = [];
  let places: ReadonlyMap<string, Place> = new Map();
  for (const [index, step] of steps.entries()) {
    before.push(places);
    if (step.as === undefined) continue;
    const place = fixedAddress(step, places, pageSize) ?? { symbols: `+${step.as}@${index}`, offset: 0n };
    places = new Map([...places, [step.as, place]]);
  }
  before.push(places);
  return before;
}

/** The address that a step is told to use, where it has no choice. */
function fixedAddress(step: Step, places: Places, pageSize: number): Place | undefined {
  const { args = {} } = step;
  const has = (flag: string) => Array.isArray(args["flags"]) && args["flags"].includes(flag);
  const at = (name: string) => {
    const written = args[name];
    if (typeof written !== "number" && typeof written !== "bigint" && typeof written !== "string")
      return undefined;
    return placeOf(written, places, pageSize);
  };
  if (step.call === "mmap" && (has("MAP_FIXED") || has("MAP_FIXED_NOREPLACE"))) return at("addr");
  if (step.call !== "mremap") return undefined;
  if (has("MREMAP_FIXED")) return at("new_address");
  return has("MREMAP_MAYMOVE") ? undefined : at("old_address");
}

/** The lowest guest address that the steps before `index` gave to a slot: pages of accesses without a `gpa` count from it. */
export function lowestSlot(
  steps: readonly Step[],
  index: number,
  places: readonly Places[],
  pageSize: number,
): Place {
  let lowest: Place | undefined;
  for (const [i, { call, args = {} }] of steps.slice(0, index).entries()) {
    if (call !== "KVM_SET_USER_MEMORY_REGION2" && call !== "KVM_SET_USER_MEMORY_REGION") continue;
    const written = args["guest_phys_addr"] ?? 0;
    if (typeof written === "boolean" || Array.isArray(written) || args["on"] !== undefined) continue;
    const place = placeOf(written as Expression, places[i] ?? new Map(), pageSize);
    if (lowest === undefined || place.offset < lowest.offset) lowest = place;
  }
  return lowest ?? nowhere;
}
