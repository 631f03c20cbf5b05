import type { RaceAccess, RaceTrace } from "./race-trace.js";
import { isCounter, isMapping } from "./watch.js";

/** One access, and who made it. */
interface Event {
  readonly thread: string;
  readonly access: RaceAccess;
}

/**
 * Why it went wrong, in plain words, as far as the trace tells: who used which page, who had taken it away, what the
 * counters said that should have held that up, and what the other threads decided meanwhile. Empty where the trace
 * is about no page.
 */
export function whyOf(race: RaceTrace): string {
  const events = race.steps.flatMap(({ thread, accesses }) => accesses.map((access) => ({ thread, access })));
  const page = /\bpfn 0x[0-9a-f]+/.exec(race.message)?.[0];
  const last = events.at(-1);
  if (page === undefined || last === undefined) return "";
  const user = userOf(page, events) ?? last;
  return [whatHappened(page, user, events), whatItSaw(user, events), whatOthersDecided(user, events)]
    .filter((part) => part !== "")
    .join(" ");
}

/** Who maps the page where it should not; else who uses it last. */
function userOf(page: string, events: readonly Event[]): Event | undefined {
  return events.findLast(({ access }) =>
    access.changed.some(({ name, after }) => name.startsWith("stage 2 ") && names(after, page)),
  );
}

function whatHappened(page: string, user: Event, events: readonly Event[]): string {
  const freed = events.findLast(({ access }) =>
    access.changed.some(({ name, after }) => name === page && after === "free"),
  );
  const unmapped = events.findLast(({ access }) =>
    access.changed.some(
      ({ name, before }) => isMapping(name) && name.startsWith("pte ") && names(before, page),
    ),
  );
  const isMapped = user.access.changed.some(({ name }) => isMapping(name));
  const parts = [`${by(user)} ${isMapped ? "maps" : "uses"} ${page}`];
  if (unmapped !== undefined) parts.push(`which ${by(unmapped)} has unmapped`);
  if (freed !== undefined) parts.push(`and of which ${by(freed)} has put the last reference`);
  return `${parts.join(", ")}.`;
}

/** The counters that the user went by: what it read last, and whether that was what it had read before. */
function whatItSaw({ thread }: Event, events: readonly Event[]): string {
  const seen = new Map<string, { values: string[]; reader: Event }>();
  for (const event of events) {
    const { access } = event;
    const { read } = access;
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

/** What the other threads decided that left everything as it was, each once, and how often. */
function whatOthersDecided({ thread }: Event, events: readonly Event[]): string {
  const counts = new Map<string, number>();
  for (const event of events) {
    if (event.thread === thread || event.access.changed.length > 0) continue;
    for (const { function: fn, text } of event.access.decisions) {
      const said = `${text.replaceAll(PLACE_OF_SLOT, "")}, says ${fn}() (${event.thread})`;
      counts.set(said, (counts.get(said) ?? 0) + 1);
    }
  }
  if (counts.size === 0) return "";
  const said = [...counts].map(([text, count]) => (count === 1 ? text : `${text}, ${count} times`));
  return `Meanwhile ${said.join("; ")}.`;
}

/** Where a memslot lies: what it is called is enough in a sentence. */
const PLACE_OF_SLOT = / \(gfn [^)]*\)/g;

function by({ thread, access }: Event): string {
  return `${access.function}() (${thread})`;
}

function names(value: string | undefined, page: string): boolean {
  return value?.split(",")[0] === page;
}
