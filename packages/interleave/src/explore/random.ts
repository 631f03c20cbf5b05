import { type Finding, judgeRest, judgeState, type Properties } from "./judge.js";
import type { Limits } from "./limits.js";
import type { Program } from "./program.js";

export interface RandomOptions extends Properties {
  readonly limits: Limits;
  readonly seed: number;
  readonly walks: number;
  readonly depth: number;
  readonly onFinding: (
    finding: Finding,
    last: { readonly task: number; readonly outcome: number } | null,
  ) => boolean;
}

/** Random walks: at each state any of the steps that can be made, all equally likely. For what is too large. */
export class RandomWalks {
  walks = 0;
  finals = 0;

  constructor(
    private readonly program: Program,
    private readonly options: RandomOptions,
  ) {}

  run(): void {
    const { program, options } = this;
    const random = generator(options.seed);
    for (let goesOn = true; goesOn && this.walks < options.walks && !options.limits.isLate(); ) {
      goesOn = this.#walk(random);
      program.unwind(0);
      this.walks++;
    }
    if (this.walks === options.walks) options.limits.hit.add("walks");
  }

  #walk(random: (below: number) => number): boolean {
    const { program, options } = this;
    for (let depth = 0; depth < options.depth; depth++) {
      const wrong = judgeState(options);
      if (wrong !== null) return options.onFinding(wrong, null);
      const able: [task: number, outcome: number][] = [];
      for (let t = 0; t < program.tasks.length; t++) {
        if (!program.isEnabled(t)) continue;
        for (let outcome = 0; outcome < program.outcomes(t); outcome++) able.push([t, outcome]);
      }
      if (able.length === 0) {
        if (program.isDone()) this.finals++;
        const finding = judgeRest(program, options);
        return finding === null || options.onFinding(finding, null);
      }
      const [task, outcome] = able[random(able.length)]!;
      const { failure } = program.step(task, outcome);
      if (failure !== null) return options.onFinding(failure, { task, outcome });
      if (options.limits.isLate()) return false;
    }
    options.limits.hit.add("depth");
    return true;
  }
}

/** Numbers from 0 up to below a bound, from a seed (mulberry32, Tommy Ettinger). */
export function generator(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let h = Math.imul(state ^ (state >>> 15), 1 | state);
    h = (h + Math.imul(h ^ (h >>> 7), 61 | h)) ^ h;
    return Math.floor((((h ^ (h >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  };
}
