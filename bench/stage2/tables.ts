import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  getVtcr,
  type Ipa,
  ipa,
  MemoryCache,
  type Pa,
  Prot,
  pa,
  recordedMachine,
  Stage2,
  Walk,
} from "@kvmm/arm64-stage2";
import { RwLock, Store } from "@kvmm/interleave";
import { PAGE_SIZE } from "@kvmm/mm-core";
import type { Rounds } from "./measure.js";
import { PEERS } from "./peers.js";

const GPA = 0x8000_0000;
const BLOCK = 2 ** 21;

/** What mapped memory costs. */
export interface Memory {
  /** Bytes of table pages, as the kernel counts them, per mapped page of 4 KiB. */
  readonly tables: number;
  /** Bytes of the process per mapped page. */
  readonly process: number;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function bytes(): number {
  // Twice: what the first finds finalises more.
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function tables() {
  const store = new Store();
  const lock = new RwLock(store, "kvm->mmu_lock");
  const vtcr = getVtcr(recordedMachine, 6n, 0n, 40);
  const pgt = new Stage2({ store, machine: recordedMachine, vtcr, lock });
  pgt.init();
  lock.writeLock();
  return { pgt, cache: new MemoryCache(store, "cache", 4096) };
}

/** What it takes to map `size` bytes in entries of `granule` bytes. */
export function memoryOf(granule: number, size: number): Memory {
  const before = bytes();
  const { pgt, cache } = tables();
  mapAll(pgt, cache, granule, size);
  const pages = size / PAGE_SIZE;
  return {
    tables: (pgt.tables.pages * PAGE_SIZE) / pages,
    process: (bytes() - before) / pages,
  };
}

function mapAll(pgt: Stage2, cache: MemoryCache, granule: number, size: number): void {
  for (let at = 0; at < size; at += granule)
    pgt.map(ipa(GPA + at), granule, pa(GPA + at), Prot.RW, cache, Walk.SHARED);
}

/**
 * The operations of the page-table code on `size` bytes that are mapped in entries of `granule` bytes: map and relax one
 * call for each, as faults do, the others one call for all.
 */
export function measureTables(rounds: Rounds, granule: number, size: number): void {
  const unit = granule === PAGE_SIZE ? "4K page" : "2M block";
  const count = size / granule;
  const { pgt, cache } = tables();
  const walk = (what: string, peer: string | null, body: () => void) =>
    rounds.note(`${what} a ${unit}`, count, peer, body);
  walk("map", PEERS.map, () => mapAll(pgt, cache, granule, size));
  walk("age", PEERS.age, () => void pgt.testClearYoung(GPA as Ipa, size, true));
  walk("write-protect", PEERS.protect, () => void pgt.wrprotect(GPA as Ipa, size));
  walk("relax", null, () => {
    for (let at = 0; at < size; at += granule) pgt.relaxPerms((GPA + at) as Ipa, Prot.RW, Walk.SHARED);
  });
  walk("unmap", PEERS.unmap, () => void pgt.unmap(GPA as Ipa, size));
  if (granule === BLOCK) {
    pgt.map(GPA as Ipa, size, GPA as Pa, Prot.RW, cache);
    const some = Math.min(count, 512);
    rounds.note("split a 2M block into pages", some, null, () => {
      for (let block = 0; block < some; block++) {
        cache.topup(1);
        pgt.split((GPA + block * BLOCK) as Ipa, BLOCK, cache);
      }
    });
  }
}
