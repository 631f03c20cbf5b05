import { describe, expect, test } from "vitest";
import { add, Cell, explore, Mutex, Store, type Thread, Words } from "../index.js";
import { countClasses } from "./testing/classes.js";

interface Program {
  readonly store: Store;
  readonly threads: readonly Thread[];
}

/** How many interleavings the explorer follows: one of each class of equivalent ones. */
function traces({ store, threads }: Program): number {
  const result = explore(store, threads, { method: "traces", stopAtFirst: false, minimize: false });
  expect(result).toMatchObject({ exhaustive: true, violations: [], verdict: "holds" });
  // The other search takes the same program for right.
  expect(explore(store, threads, { bounds: { states: 20_000 } }).violations).toEqual([]);
  return result.traces;
}

const threads = (count: number, call: (i: number) => () => unknown): Thread[] =>
  Array.from({ length: count }, (_, i) => ({ name: `T${i}`, calls: [call(i)] }));

/** One thread writes x, the others each read a variable of their own and then x. */
function readersWriter(readers: number): Program {
  const store = new Store();
  const x = new Cell(store, "x", 0);
  const own = new Words(store, "y", readers);
  return {
    store,
    threads: [
      { name: "writer", calls: [() => x.set(1)] },
      ...threads(readers, (i) => () => {
        own.get(i);
        x.get();
      }),
    ],
  };
}

/** Flanagan and Godefroid: each thread puts four messages into a hash table of 128 entries, by compare-and-swap. */
function indexer(count: number, { size = 128, messages = 4, stride = 11 } = {}): Program {
  const store = new Store();
  const table = Array.from({ length: size }, (_, i) => new Cell(store, `table[${i}]`, 0));
  const compareAndSwap = (cell: Cell<number>, value: number) =>
    store.atomic("cas", () => {
      if (cell.get() !== 0) return false;
      cell.set(value);
      return true;
    });
  return {
    store,
    threads: threads(count, (tid) => () => {
      for (let m = 1; m <= messages; m++) {
        const w = m * stride + tid;
        let h = (w * 7) % size;
        while (!compareAndSwap(table[h]!, w)) h = (h + 1) % size;
      }
    }),
  };
}

/** Flanagan and Godefroid: each thread allocates a block for its inode, under two locks. */
function filesystem(count: number, { blocks = 26, inodes = 32 } = {}): Program {
  const store = new Store();
  const inodeLocks = Array.from({ length: inodes }, (_, i) => new Mutex(store, `locki[${i}]`));
  const inode = inodeLocks.map((lock, i) => new Cell(store, `inode[${i}]`, 0, { lock }));
  const blockLocks = Array.from({ length: blocks }, (_, i) => new Mutex(store, `lockb[${i}]`));
  const busy = blockLocks.map((lock, i) => new Cell(store, `busy[${i}]`, false, { lock }));
  return {
    store,
    threads: threads(count, (tid) => () => {
      const i = tid % inodes;
      inodeLocks[i]!.lock();
      if (inode[i]!.get() === 0) {
        let b = (i * 2) % blocks;
        for (;;) {
          blockLocks[b]!.lock();
          if (!busy[b]!.get()) {
            busy[b]!.set(true);
            inode[i]!.set(b + 1);
            blockLocks[b]!.unlock();
            break;
          }
          blockLocks[b]!.unlock();
          b = (b + 1) % blocks;
        }
      }
      inodeLocks[i]!.unlock();
    }),
  };
}

/** Abdulla et al.: one thread looks for the last zero of an array whose elements the others increment. */
function lastZero(count: number): Program {
  const store = new Store();
  const array = new Words(store, "array", count + 1);
  return {
    store,
    threads: [
      {
        name: "reader",
        calls: [
          () => {
            let i = count;
            while (array.get(i) !== 0) i--;
            return i;
          },
        ],
      },
      ...threads(count, (j) => () => array.set(j + 1, array.get(j) + 1)),
    ],
  };
}

/** Each thread takes one lock, all the same: the orders in which they can take it. */
function oneLock(count: number): Program {
  const store = new Store();
  const lock = new Mutex(store, "lock");
  const value = new Cell(store, "value", 0, { lock });
  return {
    store,
    threads: threads(count, () => () => {
      lock.lock();
      add(value, 1);
      lock.unlock();
    }),
  };
}

/** A chain: thread i takes lock i and, while it holds it, lock i + 1. Every pair of neighbours has two orders. */
function lockChain(count: number): Program {
  const store = new Store();
  const locks = Array.from({ length: count + 1 }, (_, i) => new Mutex(store, `lock ${i}`));
  return {
    store,
    threads: threads(count, (i) => () => {
      locks[i]!.lock();
      locks[i + 1]!.lock();
      locks[i + 1]!.unlock();
      locks[i]!.unlock();
    }),
  };
}

/** The traces of a program of each of these sizes. */
const counts = (program: (size: number) => Program, ...sizes: number[]) =>
  sizes.map((size) => traces(program(size)));

/*
 * The indexer and the file system are those of Flanagan and Godefroid, Dynamic partial-order reduction (POPL 2005); these,
 * the readers and last zero are what Abdulla, Aronis, Jonsson, Sagonas measure in Optimal dynamic partial order reduction
 * (POPL 2014). Each number is derived here from who meets whom, and the counting itself is held against that of all
 * executions of small sizes.
 */
describe("textbook programs have exactly their number of traces", () => {
  test("readers and a writer: 2^n, as each reader comes before or after the writer", () => {
    expect(counts(readersWriter, 1, 2, 4, 6, 8, 13)).toEqual([2, 4, 16, 64, 256, 8192]);
  });

  /*
   * Message m of thread t is w = 11 m + t, below 128 for up to 84 threads, and 7 w mod 128 tells them apart: so two threads
   * meet where their w are equal, messages m of thread t + 11 and m + 1 of thread t, for m = 1, 2, 3. Whoever comes second
   * tries the next entry, that of w + 55 (7 * 55 = 1 mod 128), which nobody has with fewer than 23 threads. Two orders
   * for each pair (t, t + 11), and none of them decides another.
   */
  test("the indexer: one up to 11 threads, then 8^(n - 11)", () => {
    expect(counts(indexer, 2, 11, 12, 13, 14)).toEqual([1, 1, 8, 64, 512]);
  });

  /*
   * Each thread has an inode of its own, and looks from block 2 t mod 26 on: with fewer than 27 threads, only threads
   * t and t + 13 begin at the same block. Whoever comes second takes the odd block behind it, at which nobody begins.
   */
  test("the file system: one up to 13 threads, then 2^(n - 13)", () => {
    expect(counts(filesystem, 2, 13, 14, 16, 18, 19)).toEqual([1, 1, 2, 8, 32, 64]);
  });

  /*
   * Writer j writes element j + 1 and reads element j, which writer j - 1 writes: n - 1 pairs of neighbours. The reader
   * stops at element i if it reads that before writer i - 1 writes it, and writers i to n - 1 have written before. For
   * i = 0 and for i = n that decides no pair: 2^(n - 1) each. For each i between, writer i comes before the reader, which
   * comes before writer i - 1: one pair is decided, 2^(n - 2). Together (n - 1) 2^(n - 2) + 2 * 2^(n - 1).
   */
  test("last zero: (n + 3) 2^(n - 2)", () => {
    expect(counts(lastZero, 1, 2, 3, 5, 8, 10)).toEqual([2, 5, 12, 64, 704, 3328]);
  });

  test("one lock: n!, the orders in which it can be taken", () => {
    expect(counts(oneLock, 1, 2, 3, 4, 5)).toEqual([1, 2, 6, 24, 120]);
  });

  test("a chain of locks: 2^(n - 1), as each pair of neighbours shares one lock", () => {
    expect(counts(lockChain, 2, 3, 5, 8)).toEqual([2, 4, 16, 128]);
  });

  test.each<[string, () => Program, number]>([
    ["3 readers and a writer", () => readersWriter(3), 8],
    [
      "an indexer of 3 threads that meet pairwise once",
      () => indexer(3, { size: 16, messages: 2, stride: 1 }),
      4,
    ],
    ["an indexer whose threads meet twice", () => indexer(2, { size: 16, messages: 3, stride: 1 }), 4],
    ["a file system of 4 blocks, on which threads 0 and 2 meet", () => filesystem(3, { blocks: 4 }), 2],
    ["last zero of 2", () => lastZero(2), 5],
    ["last zero of 3", () => lastZero(3), 12],
    ["4 threads and a lock", () => oneLock(4), 24],
    ["a chain of 3 locks", () => lockChain(3), 4],
  ])("making all executions of %s shows as many classes", (_, build, classes) => {
    const [counted, followed] = [build(), build()];
    expect(countClasses(counted.store, counted.threads)).toBe(classes);
    expect(traces(followed)).toBe(classes);
  });
});
