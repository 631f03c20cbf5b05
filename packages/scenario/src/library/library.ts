import type { Scenario } from "../format/scenario.js";

/** A scenario that is built in: what reviews run. */
export interface LibraryScenario {
  /** `pfncache-refresh-punch-hole` */
  readonly name: string;
  readonly title: string;
  /** What it is about, in a few sentences. */
  readonly about: string;
  /** Where it comes from: a bug's commit, a mail, a question. */
  readonly origin: string;
  readonly scenario: Scenario;
}

/** The built-in scenarios, in the order in which reviews run them. */
export const library: readonly LibraryScenario[] = [];
