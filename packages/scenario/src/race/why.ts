import type { ViolationKind } from "@kvmm/interleave";
import type { RaceAccess, RaceTrace } from "./race-trace.js";
import { isCounter, isMapping, SLOTS } from "./watch.js";

/** One access, and who made it. */
interface Event {
  readonly thread: string;
  readonly access: RaceAccess;
}

/**
 * Why it went wrong, in plain words: who used what, who had taken it away, what the counters said that should have held
 * that up, and what the other threads decided meanwhile.
 * @param kind what sort of violation the explorer found
 */
export function whyOf(race: RaceTrace, kind: ViolationKind): string {
  if (kind === "deadlock")
    return "Each of them waits for what another one holds, or for an end that nobody brings.";
  if (kind === "lost wake-up")
    return "All of them sleep, and whoever was to wake them has done so already, or never will.";
  const events = race.steps.flatMap(({ thread, accesses }) => accesses.map((access) => ({ thread, access })));
  const last = events.at(-1);
  if (last === undefined) return "It is so before any of the threads has begun.";
  if (kind === "livelock") return whatGoesRound(race);
  const { message } = race;
  const page = /\bpfn 0x[0-9a-f]+/.exec(message)?.[0];
  if (page !== undefined) return whyPage(page, message, events, last);
  const slot = / uses slot (\d+), which is free$/.exec(message)?.[1];
  if (slot !== undefined) return whySlot(slot, events, last);
  const open = OPEN.find((counter) =>
    new RegExp(`\\b${counter} -?[1-9]|\\b${counter} is -?[1-9]`).test(message),
  );
  if (open !== undefined) return whyOpen(`kvm->${open}`, events);
  return whatLed(message, events, last);
}

/** What an invalidation raises when it begins, and lowers when it ends. */
const OPEN = ["mmu_invalidate_in_progress", "mn_active_invalidate_count"];

function whyPage(page: string, message: string, events: readonly Event[], last: Event): string {
  const user = userOf(page, events) ?? last;
  return sentences(
    whatHappened(page, message, user, events),
    whatItSaw(user, events),
    whatOthersDecided(user, events),
  );
}

/** Who maps the page where it should not; else who uses it last. */
function userOf(page: string, events: readonly Event[]): Event | undefined {
  return events.findLast(({ access }) =>
    access.changed.some(({ name, after }) => name.startsWith("stage 2 ") && names(after, page)),
  );
}

function whatHappened(page: string, message: string, user: Event, events: readonly Event[]): string {
  const freed = events.findLast(({ access }) =>
    access.changed.some(
      ({ name, before, after }) => name === page && before !== undefined && after === "free",
    ),
  );
  const unmapped = events.findLast(({ access }) =>
    access.changed.some(
      ({ name, before }) => isMapping(name) && name.startsWith("pte ") && names(before, page),
    ),
  );
  const isMapped = user.access.changed.some(({ name }) => isMapping(name));
  const is = [
    ...(unmapped === undefined ? [] : [`which ${by(unmapped)} has unmapped`]),
    ...(freed === undefined ? [] : [`of which ${by(freed)} has put the last reference`]),
  ];
  if (is.length === 0 && message.includes(`${page}, which is free`)) is.push("which is free");
  const whichIs = is.length === 0 ? "" : `, ${is.join(", and ")}`;
  return `${by(user)} ${isMapped ? "maps" : "uses"} ${page}${whichIs}.`;
}

/** The counters that the user went by: what it read last, and whether that was what it had read before. */
function whatItSaw({ thread }: Event, events: readonly Event[]): string {
  const seen = new Map<string, { values: string[]; reader: Event }>();
  for (const event of events) {
    const { read } = event.access;
    if (event.thread !== thread || read === undefined || !isCounter(read.name)) continue;
    const before = seen.get(read.name)?.values ?? [];
    seen.set(read.name, { values: [...before, read.value], reader: event });
  }
  if (seen.size === 0) return "";
  const found = [...seen].map(([name, { values }]) => {
    const value = values.at(-1)!;
    return values.length > 1 && values.at(-2) === value
      ? `${name} unchanged at ${value}`
      : `${name} at ${value}`;
  });
  const reader = [...seen.values()].at(-1)!.reader;
  return `${by(reader)} had found ${found.join(" and ")}.`;
}

/** What the other threads decided since the user first looked at a counter. */
function whatOthersDecided({ thread }: Event, events: readonly Event[]): string {
  const looked = events.findIndex(
    ({ thread: by, access: { read } }) => by === thread && read !== undefined && isCounter(read.name),
  );
  const said = decisionsIn(events.slice(Math.max(looked, 0)).filter((event) => event.thread !== thread));
  return said === "" ? "" : `Meanwhile ${said}.`;
}

/** What decided that all stays as it is: each function once, with what it said. */
function decisionsIn(events: readonly Event[]): string {
  const texts = new Map<string, Set<string>>();
  for (const { thread, access } of events) {
    if (access.changed.length > 0) continue;
    for (const { function: fn, text } of access.decisions) {
      const name = `${fn}() (${thread})`;
      texts.set(name, (texts.get(name) ?? new Set()).add(briefly(text)));
    }
  }
  return [...texts].map(([name, said]) => `${name} said: ${[...said].join("; ")}`).join(". Then ");
}

/** Who had taken away a memslot that is used. */
function whySlot(slot: string, events: readonly Event[], last: Event): string {
  const has = (value: string | undefined) =>
    value?.split("; ").some((one) => one.split(/[ ,]/)[0] === slot) === true;
  const removed = events.findLast(({ access }) =>
    access.changed.some(({ name, before, after }) => name === SLOTS && has(before) && !has(after)),
  );
  const who = removed === undefined ? "which is free" : `which ${by(removed)} had taken out of the memslots`;
  return `${by(last)} uses slot ${slot}, ${who}, as if it were still there.`;
}

/** Why an invalidation has not ended: who raised the counter, and what came between that and its end. */
function whyOpen(counter: string, events: readonly Event[]): string {
  const moved = events.findLastIndex(({ access }) => access.changed.some(({ name }) => name === counter));
  const mover = events[moved];
  if (mover === undefined) return "";
  const { before, after } = mover.access.changed.find(({ name }) => name === counter)!;
  const isUp = Number(after) > Number(before);
  const first = `${by(mover)} ${isUp ? "raised" : "lowered"} ${counter} to ${after}, and nothing has ${isUp ? "lowered" : "raised"} it since`;
  const later = events.slice(moved + 1);
  const swaps = later.filter(
    ({ thread, access }) => thread !== mover.thread && access.changed.some(({ name }) => name === SLOTS),
  );
  const between = swaps.length === 0 ? "" : `Meanwhile ${by(swaps[0]!)} changed the memslots.`;
  const said = decisionsIn(later.filter(({ thread }) => thread === mover.thread));
  return sentences(`${first}.`, between, said === "" ? "" : `After that, ${said}.`);
}

/** Without a page, a memslot or a counter in it: who makes it so, and what was decided on the way. */
function whatLed(message: string, events: readonly Event[], last: Event): string {
  const warns = /\bWARNING in (\w+):/.exec(message)?.[1];
  const said = decisionsIn(
    events.filter(({ access }) => access.decisions.every(({ function: fn }) => fn !== warns)),
  );
  const who = warns === undefined ? `${by(last)} makes it so.` : `${warns}() (${last.thread}) warns.`;
  return sentences(who, said === "" ? "" : `Before that, ${said}.`);
}

function whatGoesRound({ steps, loopsTo }: RaceTrace): string {
  const round = steps.slice(loopsTo ?? 0);
  const functions = [...new Set(round.map(({ function: fn, thread }) => `${fn}() (${thread})`))];
  return `From there on ${functions.join(", ")} can do the same again for ever, and find everything as it was.`;
}

function sentences(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}

/** Where a memslot lies: what it is called is enough in a sentence. */
export function briefly(text: string): string {
  return text.replaceAll(/ \(gfn [^)]*\)/g, "");
}

function by({ thread, access }: Event): string {
  return `${access.function}() (${thread})`;
}

function names(value: string | undefined, page: string): boolean {
  return value?.split(",")[0] === page;
}
