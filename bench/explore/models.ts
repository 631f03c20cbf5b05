import { AGAIN, Cell, repeat, Store, type Thread } from "@kvmm/interleave";

/** A protocol as a program for the explorer; its twin in Promela is in bench/peers, under the same name. */
export interface Model {
  readonly store: Store;
  readonly threads: readonly Thread[];
}

const times = <T>(count: number, call: T): T[] => Array.from({ length: count }, () => call);
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/**
 * Ring.tla: vCPUs that fault on pages, one thread that invalidates them. Each action is one atomic step.
 * The mistake: a fault does not look whether an invalidation is in progress.
 */
export function ring([vcpus, pages, faults, rounds]: readonly number[], isWrong: boolean): Model {
  const store = new Store();
  const cell = (name: string, value = 0) => new Cell(store, name, value);
  const [seq, inProgress, lock] = [cell("seq"), cell("inprog"), cell("lock")];
  const pte = range(pages!).map((i) => cell(`pte[${i}]`, 1));
  const spte = range(pages!).map((i) => cell(`spte[${i}]`));
  const isFree = () => lock.peek() === 0;
  const fault = (v: number) => () => {
    const page = store.choose("page", pages!);
    const sample = store.atomic("F0", () => seq.get());
    const found = store.atomic("F1", () => pte[page]!.get());
    store.atomic("F2", () => lock.set(v), isFree);
    store.atomic("F3", () => {
      if ((isWrong || inProgress.get() === 0) && seq.get() === sample) spte[page]!.set(found);
    });
    store.atomic("F4", () => lock.set(0));
  };
  const invalidate = () => {
    const page = store.choose("page", pages!);
    store.atomic("I0", () => lock.set(9), isFree);
    store.atomic("I1", () => {
      inProgress.set(inProgress.get() + 1);
      spte[page]!.set(0);
      lock.set(0);
    });
    store.atomic("I2", () => pte[page]!.set(0));
    store.atomic(
      "I3",
      () => {
        if (spte[page]!.get() !== 0) throw new Error("mapped while it is taken away");
        lock.set(9);
      },
      isFree,
    );
    store.atomic("I4", () => {
      seq.set(seq.get() + 1);
      inProgress.set(inProgress.get() - 1);
      lock.set(0);
    });
    store.atomic("I5", () => pte[page]!.set(2));
  };
  const threads = range(vcpus!).map((v) => ({ name: `vcpu${v}`, calls: times(faults!, fault(v + 1)) }));
  return { store, threads: [...threads, { name: "inval", calls: times(rounds!, invalidate) }] };
}

/**
 * kvm-protocol 1a: user_mem_abort() retries until it can map, against invalidations of its page.
 * The mistake: it does not look whether the sequence has moved.
 */
export function fault([vcpus, invalidations]: readonly number[], isWrong: boolean): Model {
  const store = new Store();
  const cell = (name: string, value = 0) => new Cell(store, name, value);
  const [seq, inProgress, lock] = [
    cell("kvm->mmu_invalidate_seq"),
    cell("kvm->mmu_invalidate_in_progress"),
    cell("kvm->mmu_lock"),
  ];
  const [pte, spte] = [cell("pte", 1), cell("spte")];
  const isFree = () => lock.peek() === 0;
  const judge = () => {
    if (pte.get() === 0 && spte.get() !== 0 && inProgress.get() === 0) throw new Error("stale translation");
  };
  const userMemAbort = (v: number) => () =>
    repeat(store, "user_mem_abort", () => {
      const sample = store.atomic("sample", () => seq.get());
      const page = store.atomic("look up", () => pte.get());
      if (page === 0) return;
      store.atomic("lock", () => lock.set(v), isFree);
      const isStale = store.atomic("test", () => {
        if (inProgress.get() > 0 || (!isWrong && seq.get() !== sample)) return true;
        spte.set(page);
        judge();
        return false;
      });
      store.atomic("unlock", () => lock.set(0));
      return isStale ? AGAIN : undefined;
    });
  const invalidate = () => {
    store.atomic("start: lock", () => lock.set(9), isFree);
    store.atomic("start", () => {
      inProgress.set(inProgress.get() + 1);
      spte.set(0);
      lock.set(0);
    });
    store.atomic("zap", () => {
      pte.set(0);
      judge();
    });
    store.atomic("end: lock", () => lock.set(9), isFree);
    store.atomic("end", () => {
      seq.set(seq.get() + 1);
      inProgress.set(inProgress.get() - 1);
      lock.set(0);
      judge();
    });
    store.atomic("populate", () => pte.set(2));
  };
  const threads = range(vcpus!).map((v) => ({ name: `vcpu${v}`, calls: [userMemAbort(v + 1)] }));
  return { store, threads: [...threads, { name: "mm", calls: times(invalidations!, invalidate) }] };
}

/**
 * kvm-protocol 1a and 1b: a gfn_to_pfn_cache is refreshed and used, against invalidations after which the page is
 * freed. The mistake: the sequence does not move, as where the notifier skips the memslot (case B).
 */
export function pfncache([refreshes, invalidations]: readonly number[], isWrong: boolean): Model {
  const store = new Store();
  const cell = (name: string, value = 0) => new Cell(store, name, value);
  const [seq, count, lock] = [
    cell("kvm->mmu_invalidate_seq"),
    cell("kvm->mn_active_invalidate_count"),
    cell("gpc->lock"),
  ];
  const [valid, pfn, pte] = [cell("gpc->valid"), cell("gpc->pfn"), cell("pte", 1)];
  const refs = range(invalidations! + 2).map((i) => cell(`page ${i} refcount`, 1));
  const isFree = () => lock.peek() === 0;
  const get = (page: number, by: number) => refs[page]!.set(refs[page]!.get() + by);
  const refresh = () => {
    store.atomic("V0", () => lock.set(1), isFree);
    repeat(store, "hva_to_pfn_retry", () => {
      const sample = store.atomic("V1", () => {
        valid.set(0);
        lock.set(0);
        return seq.get();
      });
      const page = store.atomic("V2", () => {
        const found = pte.get();
        if (found !== 0) get(found, 1);
        return found;
      });
      if (page === 0) return;
      store.atomic("V3", () => lock.set(1), isFree);
      const isActive = store.atomic("V4", () => {
        if (count.get() === 0) return false;
        get(page, -1);
        return true;
      });
      if (isActive) return AGAIN;
      const hasMoved = store.atomic("V5", () => {
        get(page, -1);
        if (seq.get() !== sample) return true;
        valid.set(1);
        pfn.set(page);
        lock.set(0);
        return false;
      });
      return hasMoved ? AGAIN : undefined;
    });
  };
  const use = () => {
    store.atomic(
      "V6",
      () => {
        if (valid.get() === 1 && refs[pfn.get()]!.get() === 0) throw new Error("use after free");
      },
      isFree,
    );
  };
  const invalidate = (page: number) => () => {
    store.atomic("M0", () => count.set(count.get() + 1));
    store.atomic("M1", () => valid.set(0), isFree);
    store.atomic("M3", () => pte.set(0));
    store.atomic("M4", () => {
      if (!isWrong) seq.set(seq.get() + 1);
    });
    store.atomic("M5", () => count.set(count.get() - 1));
    store.atomic("M7", () => get(page, -1));
  };
  // A call of its own: what M7 saw of the count is forgotten when its call ends, as SPIN's twin forgets it.
  const populate = (page: number) => () => store.atomic("M8", () => pte.set(page + 1));
  const calls = range(refreshes!).flatMap(() => [refresh, use]);
  return {
    store,
    threads: [
      { name: "kernel", calls },
      { name: "mm", calls: range(invalidations!).flatMap((i) => [invalidate(i + 1), populate(i + 1)]) },
    ],
  };
}

export const models = { ring, fault, pfncache };
export type ModelName = keyof typeof models;
