import { speRaces } from "../library/spe-races.js";
import type { Patch } from "../patches/define-patch.js";
import { runScenario } from "../run/run-scenario.js";
import { type SpeSimulation, simulateSpe } from "../spe/simulate-spe.js";
import { type RaceRow, raceRow } from "./race-row.js";
import type { ReviewRow } from "./review.js";

/** One way to have SPE in a guest, under NUMA balancing. */
export interface SpeWay {
  /** `guest_memfd`, `anonymous, lock-memslot`. */
  readonly label: string;
  readonly profile: SpeSimulation;
}

/** What NUMA balancing does to the profile of a guest whose memory comes only from guest_memfd. */
export interface SpeAnswer {
  readonly without: SpeSimulation;
  readonly with: SpeSimulation;
  /** Each policy of the SPE series on the memory that it is about; the last one, with guest_memfd, has the patch. */
  readonly policies: readonly SpeWay[];
  /** SPE's write against a scan, in every interleaving; left out where races are. */
  readonly race?: RaceRow;
  /** With the patch the profiling buffer stays mapped at stage 2, as user space does not ask for anything else. */
  readonly holds: boolean;
  /** In words. */
  readonly text: string;
}

export interface SpeQuestion {
  readonly kernel: string;
  /** Applied to both sides. */
  readonly base: readonly (string | Patch)[];
  readonly patch: Patch;
  readonly seed?: number;
  /** What the library's operations do to stage 2. */
  readonly rows: readonly ReviewRow[];
  /** Explore the race of SPE's write against a scan too. Default true. */
  readonly races?: boolean;
}

/** Small enough for every review: three scans, over some hundred samples. */
const SESSION = { activity: "numa-balancing", operations: 200_000, interval: 50_000 } as const;

/** Does a guest's profiling buffer stay mapped at stage 2 unless user space asks for its memory? */
export function speAnswer(question: SpeQuestion): SpeAnswer {
  const { kernel, base, patch, seed, rows } = question;
  const common = { ...SESSION, kernel, ...(seed === undefined ? {} : { seed }) };
  const patched = [...base, patch];
  const without = simulateSpe({ ...common, memory: "gmem", patches: base });
  const withPatch = simulateSpe({ ...common, memory: "gmem", patches: patched });
  const policies: readonly SpeWay[] = [
    ...(["lock-memslot", "pin-on-enable"] as const).map((policy) => {
      const profile = simulateSpe({ ...common, memory: "anon", policy, patches: base });
      // Version 4 loses nothing to NUMA balancing because its host has none.
      const scans = profile.activities === 0 ? ", no scans" : "";
      return { label: `anonymous, ${policy}${scans}`, profile };
    }),
    {
      label: "guest_memfd, gmem-prefault, patched",
      profile: simulateSpe({ ...common, memory: "gmem", policy: "gmem-prefault", patches: patched }),
    },
  ];
  const race = question.races === false ? undefined : exploreRace(question);
  const unasked = rows.filter(({ gmemOnly, takesMemory }) => gmemOnly && !takesMemory);
  const before: Side = {
    profile: without,
    unmapping: unasked.filter((row) => row.without.lost > 0).length,
    race: race?.without.verdict,
  };
  const after: Side = {
    profile: withPatch,
    unmapping: unasked.filter((row) => row.with.lost > 0).length,
    race: race?.with.verdict,
  };
  return {
    without,
    with: withPatch,
    policies,
    ...(race === undefined ? {} : { race }),
    holds: holds(after),
    text: inWords(before, after, unasked.length),
  };
}

/** SPE's write against a scan of NUMA balancing, on both sides. */
function exploreRace({ kernel, base, patch }: SpeQuestion): RaceRow {
  const race = speRaces.find(({ name }) => name === "spe-numa@gmem")!;
  const run = (patches: readonly (string | Patch)[]) =>
    runScenario(race.scenario, { kernel, arch: "arm64", patches });
  return raceRow(race, run(base), run([...base, patch]));
}

/** A profile, how many of the library's operations take pages from stage 2 that user space did not ask for, and the race. */
interface Side {
  readonly profile: SpeSimulation;
  readonly unmapping: number;
  readonly race: RaceRow["with"]["verdict"] | undefined;
}

function holds({ profile: { faults, mappedPages, bufferPages, stopped }, unmapping, race }: Side): boolean {
  return (
    stopped === undefined &&
    faults === 0 &&
    mappedPages === bufferPages &&
    unmapping === 0 &&
    race !== "breaks"
  );
}

function inWords(before: Side, after: Side, operations: number): string {
  const { activities, faults, stopped } = after.profile;
  if (stopped !== undefined) return `With the patch the simulation ended early: ${stopped}.`;
  const without = holds(before) ? "it held without the patch" : "it did not hold without the patch";
  const promise =
    "memory that comes only from guest_memfd stays mapped at stage 2 unless user space asks for it";
  const raced = after.race === undefined ? "" : inRace(after.race);
  const found = holds(after)
    ? `it does: no fault of SPE in ${activities} NUMA balancing activities, ${raced}and none of ${operations} scenarios unmaps anything`
    : `it does not: ${faults} faults of SPE in ${activities} NUMA balancing activities, ${raced}and ${after.unmapping} of ${operations} scenarios unmap pages`;
  return `Does the guarantee hold with the patch that ${promise}? In the model ${found}; ${without}.`;
}

function inRace(verdict: RaceRow["with"]["verdict"]): string {
  return verdict === "breaks"
    ? "a record lost in an interleaving with a scan, "
    : "no record lost in any interleaving with a scan, ";
}
