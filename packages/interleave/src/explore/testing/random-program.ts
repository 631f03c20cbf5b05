import fc from "fast-check";
import { Cell } from "../../cell.js";
import { RwLock, SpinLock } from "../../lock.js";
import { AGAIN, repeat } from "../../repeat.js";
import { Srcu } from "../../srcu.js";
import { Store } from "../../store.js";
import { WaitQueue } from "../../wait-queue.js";
import { Words } from "../../words.js";
import type { Thread } from "../program.js";

type CellName = "a" | "b" | "g" | "w" | "l" | "t";

/** What a thread does next. It has one register. */
export type Op =
  | { readonly op: "read" | "write" | "add"; readonly cell: CellName }
  | { readonly op: "load"; readonly value: number }
  | { readonly op: "word"; readonly index: number; readonly adds: boolean }
  /** Waits on the queue until the cell has a value that is at least so large; right, or testing before it prepares. */
  | { readonly op: "sleep"; readonly least: number; readonly isRight: boolean }
  /** Retries until the cell is at least so large: without a lock, under it, or giving up when a choice says so. */
  | { readonly op: "retry"; readonly least: number; readonly how: "free" | "locked" | "chooses" }
  /** Goes round, and changes the cell each time, until the other is not 0. */
  | { readonly op: "flip" }
  | { readonly op: "when"; readonly least: number }
  | { readonly op: "both" }
  /** An assertion, which fails when the cell has that value. */
  | { readonly op: "never"; readonly cell: CellName; readonly value: number }
  /** `same`: is what this call has made the object that the pointer leads to? */
  /** A critical section of the lock that is tried: if it is free, or waiting for it. */
  | { readonly op: "try" | "hold"; readonly cell: CellName }
  | { readonly op: "publish" | "follow" | "same" | "srcu" | "synchronize" | "wake" | "choose" }
  | { readonly op: "lock" | "unlock" | "readLock" | "readUnlock" | "writeLock" | "writeUnlock" };

/** Threads, their calls, and what these do. */
export type RandomProgram = readonly (readonly (readonly Op[])[])[];

const access = (...cells: CellName[]): fc.Arbitrary<readonly Op[]> =>
  fc
    .oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          op: fc.constantFrom("read", "write", "add"),
          cell: fc.constantFrom(...cells),
        }),
      },
      { weight: 2, arbitrary: fc.record({ op: fc.constant("load"), value: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant("choose") }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant("word"), index: fc.nat(1), adds: fc.boolean() }) },
    )
    .map((op) => [op as Op]);
const section = (begin: Op["op"], end: Op["op"], ...cells: CellName[]): fc.Arbitrary<readonly Op[]> =>
  fc
    .array(access(...cells), { maxLength: 3 })
    .map((inner) => [{ op: begin } as Op, ...inner.flat(), { op: end } as Op]);
const nested = fc
  .tuple(section("lock", "unlock", "a", "g"), section("writeLock", "writeUnlock", "b", "w"), fc.boolean())
  .map(([spin, rw, swap]) => {
    const [outer, inner] = swap ? [rw, spin] : [spin, rw];
    return [...outer.slice(0, -1), ...inner, ...outer.slice(-1)];
  });
const stray = fc
  .constantFrom("lock", "unlock", "readLock", "readUnlock", "writeLock", "writeUnlock")
  .map((op): readonly Op[] => [{ op }]);
const single = (arbitrary: fc.Arbitrary<Op>) => arbitrary.map((op): readonly Op[] => [op]);
const waits = single(
  fc.oneof(
    fc.record({
      op: fc.constant("sleep" as const),
      least: fc.integer({ min: 1, max: 2 }),
      isRight: fc.boolean(),
    }),
    fc.record({
      op: fc.constant("retry" as const),
      least: fc.integer({ min: 1, max: 2 }),
      how: fc.constantFrom("free" as const, "locked" as const, "chooses" as const),
    }),
    fc.record({ op: fc.constant("when" as const), least: fc.integer({ min: 1, max: 2 }) }),
  ),
);
const others = single(
  fc.constantFrom<Op>(
    { op: "wake" },
    { op: "wake" },
    { op: "srcu" },
    { op: "srcu" },
    { op: "synchronize" },
    { op: "publish" },
    { op: "follow" },
    { op: "same" },
    { op: "both" },
  ),
);
const tries = single(
  fc.record({
    op: fc.constantFrom("try" as const, "try" as const, "hold" as const),
    cell: fc.constantFrom<CellName>("a", "b"),
  }),
);
const asserts = single(
  fc.record({
    op: fc.constant("never" as const),
    cell: fc.constantFrom<CellName>("a", "b"),
    value: fc.integer({ min: 1, max: 3 }),
  }),
);
const usual = [
  { weight: 12, arbitrary: access("a", "b") },
  { weight: 6, arbitrary: section("lock", "unlock", "a", "g", "l") },
  { weight: 4, arbitrary: section("writeLock", "writeUnlock", "b", "w") },
  { weight: 4, arbitrary: section("readLock", "readUnlock", "a") },
  { weight: 4, arbitrary: nested },
  { weight: 6, arbitrary: waits },
  { weight: 8, arbitrary: others },
  { weight: 3, arbitrary: tries },
  { weight: 1, arbitrary: asserts },
];
const block = fc.oneof(...usual);
/** Also what breaks a rule, or goes on for ever. */
const anyBlock = fc.oneof(
  ...usual,
  { weight: 2, arbitrary: access("g", "w", "l") },
  { weight: 2, arbitrary: stray },
  { weight: 2, arbitrary: single(fc.constant<Op>({ op: "flip" })) },
);

/** As many of the blocks as fit into a length; the first in any case. */
function fitting(blocks: readonly (readonly Op[])[], length: number): readonly Op[] {
  const ops = [...blocks[0]!];
  for (const block of blocks.slice(1)) if (ops.length + block.length <= length) ops.push(...block);
  return ops;
}

const threads = (count: number, calls: number, length: number, from: fc.Arbitrary<readonly Op[]>) => {
  const call = fc.array(from, { minLength: 1, maxLength: 3 }).map((blocks) => fitting(blocks, length));
  const thread = fc.array(call, { minLength: 1, maxLength: calls });
  return fc.array(thread, { minLength: count, maxLength: count });
};
const shaped = (from: fc.Arbitrary<readonly Op[]>): fc.Arbitrary<RandomProgram> =>
  fc.oneof(
    { weight: 3, arbitrary: threads(2, 2, 7, from) },
    { weight: 2, arbitrary: threads(3, 2, 3, from) },
    { weight: 1, arbitrary: threads(4, 1, 2, from) },
  );

/** Nothing but accesses to two cells, by more threads: what sleep sets live on, and go wrong on. */
const accesses: fc.Arbitrary<RandomProgram> = fc.oneof(
  threads(3, 1, 3, access("a", "b")),
  threads(4, 1, 2, access("a", "b")),
);

export const randomProgram: fc.Arbitrary<RandomProgram> = fc.oneof(
  { weight: 3, arbitrary: shaped(block) },
  { weight: 1, arbitrary: accesses },
  { weight: 1, arbitrary: shaped(anyBlock) },
);

/** What a call keeps for itself. */
interface Own {
  register: number;
  made: Cell<number> | null;
}

/** The program on this package, in a store of its own. */
export function build(program: RandomProgram): { store: Store; threads: Thread[]; final: () => string } {
  const store = new Store();
  const spin = new SpinLock(store, "spin");
  const rw = new RwLock(store, "rw");
  const tried = new SpinLock(store, "tried");
  tried.isSeenHeld = true;
  const srcu = new Srcu(store, "srcu");
  const queue = new WaitQueue(store, "queue");
  const words = new Words(store, "words", 2);
  const pointer = new Cell<Cell<number> | null>(store, "pointer", null);
  const cells = {
    a: new Cell(store, "a", 0),
    b: new Cell(store, "b", 0),
    g: new Cell(store, "g", 0, { lock: spin }),
    w: new Cell(store, "w", 0, { lock: rw }),
    l: new Cell(store, "l", 0, { lock: spin, lockless: true }),
    t: new Cell(store, "t", 0, { lock: tried }),
  };
  const run = (path: readonly Op[]) => () => {
    const own: Own = { register: 0, made: null };
    for (const op of path) own.register = perform(op, own);
    return own.register;
  };
  const perform = (op: Op, own: Own): number => {
    const { register } = own;
    switch (op.op) {
      case "read":
        return cells[op.cell].get();
      case "write":
        cells[op.cell].set(register);
        return register;
      case "add":
        return cells[op.cell].update((n) => (n + register + 1) % 4);
      case "load":
        return op.value;
      case "word":
        return op.adds ? words.add(op.index, 1) : words.get(op.index);
      case "sleep":
        if (op.isRight) queue.prepare();
        while (cells.a.get() < op.least) {
          if (!op.isRight) queue.prepare();
          queue.sleep();
          if (op.isRight) queue.prepare();
        }
        queue.finish();
        return register;
      case "retry":
        return repeat(store, "retry", () => {
          if (op.how === "locked") spin.lock();
          const seen = cells.b.get();
          if (op.how === "locked") spin.unlock();
          if (seen >= op.least) return seen;
          return op.how === "chooses" && store.choose("give up", 2) === 1 ? 0 : AGAIN;
        });
      case "flip":
        return repeat(store, "flip", () => {
          cells.a.update((n) => (n === 0 ? 1 : 0));
          return cells.b.get() === 0 ? AGAIN : 1;
        });
      case "when":
        store.atomic(
          "when",
          () => cells.b.update((n) => (n + 1) % 4),
          () => cells.a.peek() >= op.least,
        );
        return register;
      case "both":
        return store.atomic("both", () => {
          const seen = cells.a.get();
          cells.b.set(seen);
          return seen;
        });
      case "publish": {
        const made = store.create(() => new Cell(store, "made", register));
        made.update((n) => n + 1);
        pointer.set(made);
        own.made = made;
        return register;
      }
      case "same":
        return pointer.get() === own.made ? 1 : 0;
      case "never":
        if (cells[op.cell].get() === op.value) throw new Error(`${op.cell} is ${op.value}`);
        return register;
      case "follow":
        return pointer.get()?.update((n) => (n + 1) % 4) ?? 9;
      case "srcu": {
        const section = srcu.readLock();
        const seen = cells.a.get();
        srcu.readUnlock(section);
        return seen;
      }
      case "try":
      case "hold": {
        if (op.op === "hold") tried.lock();
        else if (!tried.tryLock()) return 9;
        const seen = cells.t.update((n) => (n + 1) % 4);
        cells[op.cell].set(seen);
        tried.unlock();
        return seen;
      }
      case "synchronize":
        srcu.synchronize();
        return register;
      case "wake":
        queue.wake();
        return register;
      case "choose":
        return store.choose("coin", 2);
      case "lock":
      case "unlock":
        spin[op.op]();
        return register;
      default:
        rw[op.op]();
        return register;
    }
  };
  const threads = program.map((calls, i) => ({ name: `T${i + 1}`, calls: calls.map(run) }));
  const final = () =>
    JSON.stringify(
      [...Object.values(cells), pointer].map((cell) => numberOf(cell.peek())).concat([...words.peek()]),
    );
  return { store, threads, final };
}

function numberOf(value: number | Cell<number> | null): number {
  if (typeof value === "number") return value;
  return value === null ? -1 : 100 + value.peek();
}
