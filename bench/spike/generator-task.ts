import { type Access, hashOf, mix, type Store } from "@kvmm/interleave";
import type { Task } from "./explore.js";
import { type Path, perform, type Request } from "./request.js";

interface Log {
  readonly values: unknown[];
  readonly lo: number[];
  readonly hi: number[];
}

interface Position {
  readonly call: number;
  readonly log: Log;
  readonly length: number;
  readonly doneLo: number;
  readonly doneHi: number;
  readonly pending: Request | null;
}

/**
 * The generators' counterpart of Suspendable: the same log, the same hash. A generator cannot be cloned or set back,
 * so a task that has been taken back runs a new one from the start of its call and feeds it what it observed then.
 * A task that still stands where its generator stands goes on with that one.
 */
export class GeneratorTask implements Task<Position> {
  #call = 0;
  #log: Log = { values: [], lo: [], hi: [] };
  #pending: Request | null = null;
  #live: Path<unknown> | null = null;
  #loop = 0;
  #doneLo = 0;
  #doneHi = 0;
  accesses: Access[] = [];

  constructor(
    readonly store: Store,
    readonly tid: number,
    readonly calls: readonly (() => Path<unknown>)[],
  ) {}

  get isDone(): boolean {
    return this.#call === this.calls.length;
  }

  isEnabled(): boolean {
    const pending = this.#pending;
    return pending !== null && pending.object!.isEnabled(pending.kind, this.tid, pending.key);
  }

  start(): void {
    this.#run(false);
  }

  step(): void {
    this.#run(true);
  }

  #run(moves: boolean): void {
    const { store } = this;
    const { tid } = store;
    store.tid = this.tid;
    this.accesses = [];
    let budget = moves ? 1 : 0;
    while (!this.isDone) {
      let path = this.#live;
      let request = this.#pending;
      let next: IteratorResult<Request, unknown>;
      if (path === null || request === null) {
        path = this.calls[this.#call]!();
        next = this.#replay(path);
        request = next.done ? null : next.value;
      }
      this.#pending = null;
      while (request !== null) {
        if (request.op === "retryLoop") {
          this.#log = {
            values: this.#log.values.slice(0, this.#loop),
            lo: this.#log.lo.slice(0, this.#loop),
            hi: this.#log.hi.slice(0, this.#loop),
          };
          next = path.next();
        } else if (request.op === "enterLoop") {
          this.#loop = this.#log.values.length;
          next = path.next();
        } else {
          if (request.object!.isPoint(request.kind) && budget-- === 0) {
            this.#pending = { ...request };
            this.#live = path;
            store.tid = tid;
            return;
          }
          this.accesses.push({ object: request.object, kind: request.kind, key: request.key });
          const value = perform(request);
          this.#record(value);
          next = path.next(value);
        }
        request = next.done ? null : next.value;
      }
      this.#live = null;
      this.#call++;
      this.#doneLo = mix(this.#doneLo, this.#call);
      this.#doneHi = mix(this.#doneHi, ~this.#call);
      this.#log = { values: [], lo: [], hi: [] };
    }
    store.tid = tid;
  }

  #replay(path: Path<unknown>): IteratorResult<Request, unknown> {
    const { values } = this.#log;
    let cursor = 0;
    let next = path.next();
    while (!next.done) {
      if (next.value.op === "enterLoop") {
        this.#loop = cursor;
        next = path.next();
      } else if (cursor === values.length) break;
      else next = path.next(values[cursor++]);
    }
    return next;
  }

  #record(value: unknown): void {
    const { values, lo, hi } = this.#log;
    const n = values.length;
    const [a, b] = hashOf(value);
    lo.push(mix(n === 0 ? this.#call : lo[n - 1]!, a));
    hi.push(mix(n === 0 ? ~this.#call : hi[n - 1]!, b));
    values.push(value);
  }

  position(): Position {
    return {
      call: this.#call,
      log: this.#log,
      length: this.#log.values.length,
      doneLo: this.#doneLo,
      doneHi: this.#doneHi,
      pending: this.#pending,
    };
  }

  restore({ call, log, length, doneLo, doneHi, pending }: Position): void {
    this.#call = call;
    this.#log = log;
    log.values.length = log.lo.length = log.hi.length = length;
    this.#doneLo = doneLo;
    this.#doneHi = doneHi;
    this.#pending = pending;
    this.#live = null;
  }

  hash(): readonly [number, number] {
    const { lo, hi } = this.#log;
    const last = lo.length - 1;
    return [
      mix(this.#doneLo, last < 0 ? this.#call : lo[last]!) >>> 0,
      mix(this.#doneHi, last < 0 ? ~this.#call : hi[last]!) >>> 0,
    ];
  }
}
