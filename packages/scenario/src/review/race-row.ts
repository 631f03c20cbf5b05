import type { RaceScenario } from "../library/races.js";
import type { RunResult, Verdict, Violation } from "../model.js";

/** What exploring a race found on one side of a review. */
export interface RaceOutcome {
  readonly verdict: Verdict;
  readonly states: number;
  /** Every interleaving was covered; or one was enough, which breaks a rule. */
  readonly complete: boolean;
  readonly violation?: Violation;
}

/** One built-in race, without the patch and with it. */
export interface RaceRow {
  readonly scenario: string;
  readonly title: string;
  readonly without: RaceOutcome;
  readonly with: RaceOutcome;
}

export function raceRow({ name, title }: RaceScenario, without: RunResult, patched: RunResult): RaceRow {
  return { scenario: name, title, without: outcomeOf(without), with: outcomeOf(patched) };
}

function outcomeOf({ verdict, exploration, violations }: RunResult): RaceOutcome {
  const [violation] = violations;
  return {
    verdict,
    states: exploration?.states ?? 0,
    complete: violation !== undefined || exploration?.complete === true,
    ...(violation === undefined ? {} : { violation }),
  };
}
