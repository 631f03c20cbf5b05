import { describe, expect, test } from "vitest";
import { Cell, Mutex, Store, search, WaitError, WaitQueue } from "./index.js";

/** A consumer that sleeps until `ready`, and a producer that wakes it. */
function handover(prepares: "before the test" | "after the test") {
  const store = new Store();
  const queue = new WaitQueue(store, "rcuwait");
  const ready = new Cell(store, "ready", false);
  const consumer = () => {
    if (prepares === "before the test") {
      queue.prepare();
      while (!ready.get()) {
        queue.sleep();
        queue.prepare();
      }
      queue.finish();
    } else if (!ready.get()) {
      queue.prepare();
      queue.sleep();
    }
  };
  const producer = () => {
    ready.set(true);
    queue.wake();
  };
  return {
    store,
    threads: [
      { name: "consumer", calls: [consumer] },
      { name: "producer", calls: [producer] },
    ],
  };
}

describe("a wait queue", () => {
  test("loses no wake-up between prepare and sleep", () => {
    const { store, threads } = handover("before the test");
    expect(search(store, threads)).toMatchObject({
      states: 18,
      steps: 22,
      finals: 1,
      violations: [],
      exhaustive: true,
    });
  });

  test("remembers no wake-up from before prepare: the sleeper sleeps for ever", () => {
    const { store, threads } = handover("after the test");
    const [violation] = search(store, threads).violations;
    expect(violation).toMatchObject({ kind: "deadlock", message: "consumer waits for rcuwait" });
    expect(violation!.steps.map(({ thread, what }) => `${thread}: ${what}`)).toEqual([
      "consumer: reads ready",
      "producer: writes ready",
      "producer: writes rcuwait",
      "consumer: writes rcuwait",
    ]);
  });

  test("lets its sleeper hold no lock that the waker needs", () => {
    const store = new Store();
    const queue = new WaitQueue(store, "rcuwait");
    const mutex = new Mutex(store, "slots_lock");
    const count = new Cell(store, "mn_active_invalidate_count", 1, { lock: mutex });
    const waiter = (drops: boolean) => () => {
      mutex.lock();
      queue.prepare();
      while (count.get() > 0) {
        if (drops) mutex.unlock();
        queue.sleep();
        if (drops) mutex.lock();
        queue.prepare();
      }
      queue.finish();
      mutex.unlock();
    };
    const waker = () => {
      mutex.lock();
      count.set(count.get() - 1);
      mutex.unlock();
      queue.wake();
    };
    const run = (drops: boolean) =>
      search(store, [
        { name: "waiter", calls: [waiter(drops)] },
        { name: "waker", calls: [waker] },
      ]);
    expect(run(true)).toMatchObject({ violations: [], exhaustive: true });
    expect(run(false).violations).toMatchObject([
      { kind: "deadlock", message: "waiter waits for rcuwait; waker waits for slots_lock, held by waiter" },
    ]);
  });

  test("refuses to sleep alone unless it has been woken", () => {
    const store = new Store();
    const queue = new WaitQueue(store, "rcuwait");
    queue.prepare();
    expect(() => queue.sleep()).toThrow(WaitError);
    expect(() => queue.sleep()).toThrow("the caller would sleep for ever on rcuwait: nobody wakes it");
    queue.wake();
    queue.sleep();
    queue.prepare();
    queue.finish();
    queue.sleep();
  });
});
