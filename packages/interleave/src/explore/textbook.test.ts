import { describe, expect, test } from "vitest";
import { add, Cell, explore, Mutex, Store, type Thread, Words } from "../index.js";

/** How many classes of equivalent interleavings a program has, and how many runs it took to see them. */
function traces(store: Store, threads: readonly Thread[]) {
  const result = explore(store, threads, { method: "traces", stopAtFirst: false, minimize: false });
  expect(result).toMatchObject({ exhaustive: true, violations: [], verdict: "holds" });
  // The other search takes the same program for right.
  expect(explore(store, threads, { bounds: { states: 20_000 } }).violations).toEqual([]);
  return result.traces;
}

const threads = (count: number, call: (i: number) => () => unknown): Thread[] =>
  Array.from({ length: count }, (_, i) => ({ name: `T${i}`, calls: [call(i)] }));

/** One thread writes x, the others each read a variable of their own and then x. */
function readersWriter(readers: number) {
  const store = new Store();
  const x = new Cell(store, "x", 0);
  const own = new Words(store, "y", readers);
  return traces(store, [
    { name: "writer", calls: [() => x.set(1)] },
    ...threads(readers, (i) => () => {
      own.get(i);
      x.get();
    }),
  ]);
}

/** Flanagan and Godefroid: each thread puts four messages into a hash table of 128 entries, by compare-and-swap. */
function indexer(count: number) {
  const size = 128;
  const store = new Store();
  const table = Array.from({ length: size }, (_, i) => new Cell(store, `table[${i}]`, 0));
  const compareAndSwap = (cell: Cell<number>, value: number) => {
    let done = false;
    cell.update((old) => {
      done = old === 0;
      return done ? value : old;
    });
    return cell;
  };
  return traces(
    store,
    threads(count, (tid) => () => {
      for (let m = 0; m < 4; ) {
        const w = ++m * 11 + tid;
        let h = (w * 7) % size;
        // The value that the update left tells whether it was this thread's, as the log is all that a path may keep.
        while (store.atomic("cas", () => compareAndSwap(table[h]!, w).get()) !== w) h = (h + 1) % size;
      }
    }),
  );
}

/** Flanagan and Godefroid: each thread allocates a block for its inode, under two locks. */
function filesystem(count: number) {
  const [blocks, inodes] = [26, 32];
  const store = new Store();
  const inodeLocks = Array.from({ length: inodes }, (_, i) => new Mutex(store, `locki[${i}]`));
  const inode = inodeLocks.map((lock, i) => new Cell(store, `inode[${i}]`, 0, { lock }));
  const blockLocks = Array.from({ length: blocks }, (_, i) => new Mutex(store, `lockb[${i}]`));
  const busy = blockLocks.map((lock, i) => new Cell(store, `busy[${i}]`, false, { lock }));
  return traces(
    store,
    threads(count, (tid) => () => {
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
  );
}

/** Abdulla et al.: one thread looks for the last zero of an array whose elements the others increment. */
function lastZero(count: number) {
  const store = new Store();
  const array = new Words(store, "array", count + 1);
  return traces(store, [
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
  ]);
}

/** Each thread takes one lock, all the same: the orders in which they can take it. */
function oneLock(count: number) {
  const store = new Store();
  const lock = new Mutex(store, "lock");
  const value = new Cell(store, "value", 0, { lock });
  return traces(
    store,
    threads(count, () => () => {
      lock.lock();
      add(value, 1);
      lock.unlock();
    }),
  );
}

/** A chain: thread i takes lock i and, while it holds it, lock i + 1. Every pair of neighbours has two orders. */
function lockChain(count: number) {
  const store = new Store();
  const locks = Array.from({ length: count + 1 }, (_, i) => new Mutex(store, `lock ${i}`));
  return traces(
    store,
    threads(count, (i) => () => {
      locks[i]!.lock();
      locks[i + 1]!.lock();
      locks[i + 1]!.unlock();
      locks[i]!.unlock();
    }),
  );
}

/*
 * The indexer and the file system are those of Flanagan and Godefroid, Dynamic partial-order reduction (POPL 2005); these,
 * the readers and last zero are what Abdulla, Aronis, Jonsson, Sagonas measure in Optimal dynamic partial order reduction
 * (POPL 2014). Three numbers are those in the results of the tests of Concuerror, the tool of that paper: six readers 64,
 * last zero of five 64, the file system with sixteen threads 8. The others follow from who meets whom: each reader comes
 * before or after the writer; of thread i + 11 of the indexer three messages fall on three of thread i's; thread i + 13
 * of the file system wants thread i's block; the locks have as many traces as orders in which they can be taken. The
 * formula for last zero is fitted.
 */
describe("textbook programs have exactly their number of traces", () => {
  test("readers and a writer: 2^n", () => {
    expect([1, 2, 4, 6, 8, 13].map(readersWriter)).toEqual([2, 4, 16, 64, 256, 8192]);
  });

  test("the indexer: one up to 11 threads, then 8^(n - 11)", () => {
    expect([2, 11, 12, 13, 14].map(indexer)).toEqual([1, 1, 8, 64, 512]);
  });

  test("the file system: one up to 13 threads, then 2^(n - 13)", () => {
    expect([2, 13, 14, 16, 18, 19].map(filesystem)).toEqual([1, 1, 2, 8, 32, 64]);
  });

  test("last zero: (n + 3) 2^(n - 2)", () => {
    expect([1, 2, 3, 5, 8, 10].map(lastZero)).toEqual([2, 5, 12, 64, 704, 3328]);
  });

  test("one lock: n!", () => {
    expect([1, 2, 3, 4, 5].map(oneLock)).toEqual([1, 2, 6, 24, 120]);
  });

  test("a chain of locks: 2^(n - 1)", () => {
    expect([2, 3, 5, 8].map(lockChain)).toEqual([2, 4, 16, 128]);
  });
});
