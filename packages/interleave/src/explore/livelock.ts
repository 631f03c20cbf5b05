import { components } from "./components.js";

/** What a livelock's message says. */
export function goesRound(names: readonly string[]): string {
  return `${names.join(" and ")} ${names.length === 1 ? "goes" : "go"} round for ever, and no call is completed`;
}

/** A transition between two candidate states. */
interface Edge {
  readonly task: number;
  readonly outcome: number;
  readonly to: number;
}

/** Steps that lead from a state back to it. */
export interface Round {
  /** The state in which it begins, by its hash. */
  readonly key: string;
  /** Who moves, as bits. */
  readonly tasks: number;
  readonly steps: readonly { readonly task: number; readonly outcome: number }[];
}

/**
 * The states that a livelock can consist of, and all transitions between them: those in which every task that can move
 * stands where it can come back to within its call. Found cycles in which every task that can move in one of their
 * states does move (strong fairness): strongly connected components, from which the states are taken away, again and
 * again, in which a task can move that does not (Emerson and Lei, Modalities for model checking, 1987).
 */
export class Livelocks {
  readonly #numbers = new Map<string, number>();
  readonly #keys: string[] = [];
  readonly #enabled: number[] = [];
  readonly #edges: { task: number; outcome: number; key: string }[][] = [];

  static key(lo: number, hi: number): string {
    return `${lo}.${hi}`;
  }

  get states(): number {
    return this.#keys.length;
  }

  clear(): void {
    this.#numbers.clear();
    this.#keys.length = this.#enabled.length = this.#edges.length = 0;
  }

  /** Adds a state; its transitions follow. */
  add(key: string, enabled: number): void {
    this.#numbers.set(key, this.#keys.length);
    this.#keys.push(key);
    this.#enabled.push(enabled);
    this.#edges.push([]);
  }

  /** Adds a transition of the state that was added last. */
  leads(task: number, outcome: number, key: string): void {
    this.#edges.at(-1)!.push({ task, outcome, key });
  }

  /** One round for each set of tasks that can go round for ever. */
  find(): readonly Round[] {
    const edges: Edge[][] = this.#edges.map((list) =>
      list.flatMap(({ task, outcome, key }) => {
        const to = this.#numbers.get(key);
        return to === undefined ? [] : [{ task, outcome, to }];
      }),
    );
    const rounds = new Map<number, Round>();
    const work: number[][] = [this.#keys.map((_, i) => i)];
    for (let set = work.pop(); set !== undefined; set = work.pop()) {
      const within = new Set(set);
      for (const component of components(set, (state) => successors(edges[state]!, within))) {
        const members = new Set(component);
        let moving = 0;
        let enabled = 0;
        for (const state of component) {
          enabled |= this.#enabled[state]!;
          for (const { task, to } of edges[state]!) if (members.has(to)) moving |= 1 << task;
        }
        if (moving === 0) continue;
        const idle = enabled & ~moving;
        if (idle !== 0) work.push(component.filter((state) => (this.#enabled[state]! & idle) === 0));
        else if (!rounds.has(moving)) rounds.set(moving, this.#round(component[0]!, moving, members, edges));
      }
    }
    return [...rounds.values()];
  }

  /** A walk from a state back to it on which all of these tasks move. */
  #round(start: number, tasks: number, members: ReadonlySet<number>, edges: readonly Edge[][]): Round {
    const steps: Edge[] = [];
    let at = start;
    const walk = (isGoal: (edge: Edge) => boolean): void => {
      const path = shortestWalk(at, members, edges, isGoal);
      steps.push(...path);
      at = path.at(-1)!.to;
    };
    for (let rest = tasks; rest !== 0; ) {
      const wanted = rest;
      walk(({ task }) => (wanted & (1 << task)) !== 0);
      for (const { task } of steps) rest &= ~(1 << task);
    }
    if (at !== start) walk(({ to }) => to === start);
    return { key: this.#keys[start]!, tasks, steps: steps.map(({ task, outcome }) => ({ task, outcome })) };
  }
}

function successors(edges: readonly Edge[], within: ReadonlySet<number>): readonly number[] {
  return edges.filter(({ to }) => within.has(to)).map(({ to }) => to);
}

/** The steps of a shortest walk whose last edge is a goal. */
function shortestWalk(
  from: number,
  members: ReadonlySet<number>,
  edges: readonly Edge[][],
  isGoal: (edge: Edge) => boolean,
): Edge[] {
  const reachedBy = new Map<number, { edge: Edge; from: number } | null>([[from, null]]);
  const queue = [from];
  for (const state of queue) {
    for (const edge of edges[state]!) {
      if (!members.has(edge.to)) continue;
      if (isGoal(edge)) {
        const path = [edge];
        for (let back = reachedBy.get(state)!; back !== null; back = reachedBy.get(back.from)!)
          path.push(back.edge);
        return path.reverse();
      }
      if (reachedBy.has(edge.to)) continue;
      reachedBy.set(edge.to, { edge, from: state });
      queue.push(edge.to);
    }
  }
  throw new Error("a strongly connected component that is not connected");
}
