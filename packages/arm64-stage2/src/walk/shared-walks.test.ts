import { Cell, RwLock, type SearchResult, Srcu, Store, search, type Thread } from "@kvmm/interleave";
import { describe, expect, test } from "vitest";
import { type Ipa, ipa, pa } from "../address.js";
import { decodeDescriptor, pteValid } from "../descriptor/decode.js";
import { Prot } from "../descriptor/prot.js";
import { tableEntries } from "../dump/entries.js";
import { EAGAIN } from "../errno.js";
import { getVtcr } from "../geometry/vtcr.js";
import { machine } from "../machine.js";
import { Stage2 } from "../stage2.js";
import { MemoryCache } from "../table/memory-cache.js";
import type { TablePage } from "../table/table-page.js";
import { Walk } from "./flags.js";

const BLOCK = 2 ** 21;

type Unlinked = readonly (readonly [page: TablePage, level: number])[];

/** One VM: its tables under kvm->mmu_lock, with RCU or without. */
function vm(options: { readonly rcu: boolean }) {
  const store = new Store();
  const m = machine();
  const lock = new RwLock(store, "kvm->mmu_lock");
  const rcu = new Srcu(store, "rcu");
  const unlinked = new Cell<Unlinked>(store, "call_rcu", []);
  const warns: string[] = [];
  const pgt: Stage2 = new Stage2({
    store,
    machine: m,
    vtcr: getVtcr(m, 5n, 0n, 40),
    lock,
    warn: (text) => warns.push(text),
    mm: options.rcu
      ? {
          rcuReadLock: () => rcu.readLock(),
          rcuReadUnlock: (token) => rcu.readUnlock(token),
          freeUnlinkedTable: (page, level) => void unlinked.update((list) => [...list, [page, level]]),
        }
      : {},
  });
  pgt.init();
  const caches = [0, 1].map((i) => new MemoryCache(store, `vcpu ${i}: mmu_page_cache`, 10));

  /** kvm_pgtable_stage2_map() as a stage-2 fault does it. */
  const fault =
    (vcpu: number, addr: number, size: number, prot: Prot = Prot.RW) =>
    () => {
      lock.readLock();
      const ret = pgt.map(ipa(addr), size, pa(0x8000_0000 + addr), prot, caches[vcpu]!, Walk.SHARED);
      lock.readUnlock();
      return ret;
    };
  /** kvm_pgtable_stage2_relax_perms() as a permission fault does it. */
  const relax = (addr: number) => () => {
    lock.readLock();
    const ret = pgt.relaxPerms(ipa(addr), Prot.RWX, Walk.SHARED);
    lock.readUnlock();
    return ret;
  };
  const locked = (body: () => number) => () => {
    lock.writeLock();
    const ret = body();
    lock.writeUnlock();
    return ret;
  };
  const unmap = (addr: number, size: number) => locked(() => pgt.unmap(addr as Ipa, size));
  /** The callbacks of call_rcu(): what was queued before the grace period began is freed after it. */
  const reclaim = () => {
    const ripe = unlinked.get();
    rcu.synchronize();
    for (const [page, level] of ripe) pgt.freeUnlinked(page, level);
    unlinked.update((list) => list.slice(ripe.length));
  };
  /** Wrong: the grace period began before the table was taken out. */
  const reclaimEarly = () => {
    rcu.synchronize();
    for (const [page, level] of unlinked.get()) pgt.freeUnlinked(page, level);
  };
  /** What is mapped: `first+size` of each leaf. */
  const leaves = () =>
    tableEntries(pgt)
      .filter((entry) => entry.child === null && pteValid(entry.desc))
      .map(({ level, ipa: first, desc }) => {
        const { kind } = decodeDescriptor(m, desc, level);
        return `${kind} ${first.toString(16)}`;
      });
  return { store, lock, pgt, fault, relax, unmap, reclaim, reclaimEarly, leaves, unlinked, warns };
}

const threads = (calls: Record<string, Thread["calls"]>): Thread[] =>
  Object.entries(calls).map(([name, list]) => ({ name, calls: list }));

/** What went wrong, as a person would tell it. */
const told = ({ violations }: SearchResult): string[][] =>
  violations.map(({ message, steps }) => [message, ...steps.map((step) => `${step.thread} ${step.what}`)]);

describe("walks that share the tables", () => {
  test("good: two vCPUs that fault on the same page leave one leaf and lose no table", () => {
    const { store, pgt, fault, leaves } = vm({ rcu: true });
    const outcomes = new Set<string>();
    const result = search(store, threads({ "vcpu 0": [fault(0, 0, 4096)], "vcpu 1": [fault(1, 0, 4096)] }), {
      atEnd: (results) => {
        outcomes.add(results.flat().sort().join());
        const state = `${leaves().join()} in ${pgt.tables.pages} pages`;
        return /^page 0 in 4 pages$/.test(state) ? undefined : state;
      },
    });
    expect(told(result)).toEqual([]);
    expect(result.exhaustive).toBe(true);
    // One maps and the other finds it done, or meets its LOCKED entry; or each sees the other's at another level.
    expect([...outcomes].sort()).toEqual([`-${EAGAIN},0`]);
    expect(result.states).toMatchInlineSnapshot(`462`);
    // The search returns to where it began.
    expect(pgt.tables.pages).toBe(2);
    expect(leaves()).toEqual([]);
  });

  test("good: a table that a block replaces is freed after a grace period", () => {
    const { store, pgt, fault, relax, reclaim, leaves, unlinked, warns } = vm({ rcu: true });
    fault(0, 0, 4096)();
    const states = new Set<string>();
    const result = search(
      store,
      threads({ "vcpu 0": [fault(0, 0, BLOCK, Prot.R)], "vcpu 1": [relax(0)], rcu: [reclaim] }),
      {
        atEnd: () => {
          if (unlinked.peek().length > 0) return undefined;
          states.add(`${leaves().join()} in ${pgt.tables.pages} tables`);
          return undefined;
        },
      },
    );
    expect(told(result)).toEqual([]);
    expect(result.exhaustive).toBe(true);
    expect(warns).toEqual([]);
    expect([...states]).toEqual(["block 0 in 3 tables"]);
    expect(result.states).toMatchInlineSnapshot(`655`);
  });

  test("bad: the grace period began before the table was taken out", () => {
    const { store, fault, relax, reclaimEarly } = vm({ rcu: true });
    fault(0, 0, 4096)();
    const result = search(
      store,
      threads({ "vcpu 0": [fault(0, 0, BLOCK, Prot.R)], "vcpu 1": [relax(0)], rcu: [reclaimEarly] }),
    );
    expect(told(result)[0]?.[0]).toMatch(/^use after free: entry 0 of stage-2 level 3 table of 0x0/);
  });

  test("bad: a table that a block replaces is freed at once", () => {
    const { store, fault, relax } = vm({ rcu: false });
    fault(0, 0, 4096)();
    const result = search(store, threads({ "vcpu 0": [fault(0, 0, BLOCK, Prot.R)], "vcpu 1": [relax(0)] }));
    expect(result.violations[0]?.kind).toBe("error");
    expect(result.violations[0]?.message).toMatch(/^use after free: entry 0 of stage-2 level 3 table of 0x0/);
  });

  test("good: an unmap excludes faults, and one step takes it all away", () => {
    const { store, fault, unmap, leaves } = vm({ rcu: true });
    fault(0, 0, 3 * 4096)();
    const result = search(store, threads({ vmm: [unmap(0, 3 * 4096)], "vcpu 0": [fault(0, 0, 4096)] }), {
      check: () => {
        const found = leaves().join();
        return ["page 0,page 1000,page 2000", "page 0", ""].includes(found) ? undefined : found;
      },
    });
    expect(told(result)).toEqual([]);
    expect(result.states).toMatchInlineSnapshot(`23`);
  });

  test("bad: an unmap under kvm->mmu_lock for reading, or without it", () => {
    const { pgt, lock } = vm({ rcu: true });
    expect(() => pgt.unmap(ipa(0), 4096)).toThrow(
      "write to stage-2 level 1 table without kvm->mmu_lock held exclusively",
    );
    lock.readLock();
    expect(() => pgt.unmap(ipa(0), 4096)).toThrow("held exclusively");
    expect(pgt.getLeaf(ipa(0))).toEqual({ pte: 0n, level: 1 });
    lock.readUnlock();
    expect(() => pgt.getLeaf(ipa(0))).toThrow("read of stage-2 level 1 table without kvm->mmu_lock");
  });
});
