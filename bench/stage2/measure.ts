/** CPU seconds of a piece of work. */
function cpu(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** One kind of work: how often it is done in a round, and what each round took. */
interface Work {
  readonly times: number;
  readonly peer: string | null;
  readonly seconds: number[];
}

/** A row of the results. */
export interface Row {
  readonly work: string;
  readonly "per second": number;
  readonly "ns each": number;
  /** How many times as long as its peer. */
  readonly "x peer": number | null;
  readonly peer: string | null;
}

/** The rounds of all kinds of work. */
export class Rounds {
  readonly #all = new Map<string, Work>();

  /** @param peer the work that it is compared with, which is done as often */
  note(work: string, times: number, peer: string | null, body: () => void): void {
    let entry = this.#all.get(work);
    if (entry === undefined) {
      entry = { times, peer, seconds: [] };
      this.#all.set(work, entry);
    }
    entry.seconds.push(cpu(body));
  }

  rows(): readonly Row[] {
    return [...this.#all].map(([work, { times, peer }]) => {
      const each = this.#each(work);
      return {
        work,
        "per second": Math.round(1 / each),
        "ns each": Number((each * 1e9).toPrecision(3)),
        "x peer": peer === null ? null : Number((each / this.#each(peer)).toPrecision(3)),
        peer,
        "times a round": times,
      };
    });
  }

  #each(work: string): number {
    const { times, seconds } = this.#all.get(work)!;
    return seconds.toSorted((a, b) => a - b)[seconds.length >> 1]! / times;
  }
}
