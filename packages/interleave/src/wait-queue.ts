import { digestOf } from "./hash.js";
import { Kind, Shared } from "./shared-object.js";
import type { Store } from "./store.js";

/** A path run alone waits for something that nobody will do. */
export class WaitError extends Error {
  override name = "WaitError";
  constructor(
    /** What it waits for; null for an atomic step. */
    readonly object: Shared | null,
    message: string,
  ) {
    super(message);
  }
}

/**
 * A wait queue (struct rcuwait, wait_queue_head_t): a task says that it is about to sleep, tests its condition, and
 * sleeps; a wake-up between the first and the last is not lost. The caller's loop is the kernel's:
 *
 *     queue.prepare();
 *     while (count.get() > 0) { lock.unlock(); queue.sleep(); lock.lock(); queue.prepare(); }
 *     queue.finish();
 */
export class WaitQueue extends Shared {
  /** Sorted ids of the tasks that are waiting and have not been woken. */
  #waiting: readonly number[] = [];

  constructor(store: Store, name: string) {
    super(store, name);
  }

  /** set_current_state(TASK_UNINTERRUPTIBLE) on the queue: from here on a wake-up counts. */
  prepare(): void {
    this.#set(Kind.Write, (waiting, tid) =>
      waiting.includes(tid) ? waiting : [...waiting, tid].sort((a, b) => a - b),
    );
  }

  /** schedule(): goes on once woken. Alone: throws {@link WaitError} unless it has been. */
  sleep(): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Wait, 0)) {
      task.recorded();
      return;
    }
    store.held.mightSleep(`sleeps on ${this.name}`);
    if (this.#waiting.includes(store.tid)) {
      throw new WaitError(
        this,
        `${store.taskName(store.tid)} would sleep for ever on ${this.name}: nobody wakes it`,
      );
    }
    task?.record(undefined);
  }

  /** finish_wait() */
  finish(): void {
    this.#set(Kind.Write, (waiting, tid) =>
      waiting.includes(tid) ? waiting.filter((t) => t !== tid) : waiting,
    );
  }

  /** wake_up(): wakes whoever waits; nothing is remembered for later waiters. */
  wake(): void {
    this.#set(Kind.Write, (waiting) => (waiting.length === 0 ? waiting : []));
  }

  #set(kind: Kind, change: (waiting: readonly number[], tid: number) => readonly number[]): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, kind, 0)) {
      task.recorded();
      return;
    }
    const old = this.#waiting;
    const now = change(old, store.tid);
    if (now !== old) {
      this.#waiting = now;
      store.changed(this, 0, old, now);
    }
    task?.record(undefined);
  }

  override isEnabled(kind: Kind, task: number): boolean {
    return kind !== Kind.Wait || !this.#waiting.includes(task);
  }

  override digest(): unknown {
    return digestOf(this.#waiting);
  }

  override restore(_key: number, old: unknown): void {
    this.#waiting = old as readonly number[];
  }
}
