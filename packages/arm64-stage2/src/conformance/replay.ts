import { Store } from "@kvmm/interleave";
import { hex, type Ipa, type Pa } from "../address.js";
import { protOfHalves } from "../descriptor/attributes.js";
import { lowerHalf, upperHalf } from "../descriptor/halves.js";
import { LOCKED_HI, VALID } from "../descriptor/layout.js";
import { formatProt, Prot, parseProt } from "../descriptor/prot.js";
import { type TableEntry, tableEntries, unlinkedEntries } from "../dump/entries.js";
import type { Machine } from "../machine.js";
import type { MmOps } from "../mm-ops.js";
import { Stage2 } from "../stage2.js";
import { MemoryCache } from "../table/memory-cache.js";
import { TablePage } from "../table/table-page.js";
import { isTable } from "../walk/entry.js";
import { Walk } from "../walk/flags.js";
import { checksum } from "./checksum.js";
import { compare, type Result } from "./compare-operation.js";
import type { VectorEvent, VectorOp, VectorSequence } from "./vectors.js";

/** Runs every sequence of a file of vectors. @returns how many there were, and the first differences */
export function replayAll(text: string): { sequences: number; operations: number; differences: string[] } {
  const differences: string[] = [];
  let sequences = 0;
  let operations = 0;
  for (const line of text.trimEnd().split("\n")) {
    const sequence = JSON.parse(line) as VectorSequence;
    const replay = new Replay(sequence);
    sequences++;
    sequence.ops.forEach((op, i) => {
      operations++;
      for (const difference of replay.run(op)) {
        if (differences.length < 20)
          differences.push(`sequence ${sequence.seq}, operation ${i}, ${difference}`);
      }
    });
  }
  return { sequences, operations, differences };
}

/** Runs a sequence of vectors, operation by operation. */
export class Replay {
  readonly store = new Store();
  readonly pgt: Stage2;
  readonly #cache: MemoryCache;
  readonly #numbers = new Map<TablePage, number>();
  readonly #pages: TablePage[] = [];
  #events: VectorEvent[] = [];
  #warns: string[] = [];
  #unlinked: [page: TablePage, level: number][] = [];
  #fail = false;

  constructor(private readonly sequence: VectorSequence) {
    this.#cache = new MemoryCache(this.store);
    const { store } = this;
    const event = (...args: [string, ...(string | number)[]]) => void this.#events.push(args);
    const mm: MmOps = {
      zallocPagesExact: () => {
        if (this.#fail) event("alloc_fail");
        return !this.#fail;
      },
      allocated: (page) => {
        const number = this.#pages.push(page) - 1;
        this.#numbers.set(page, number);
        if (this.pgt.pgd.peek() === null) event("alloc_pgd", number, hex(this.#bytes(page)));
        else event("alloc", number);
      },
      allocationFailed: () => event("alloc_fail"),
      freed: (page) => {
        if (page === this.pgt.pgd.peek()) event("free_pgd", this.#numbers.get(page)!, hex(this.#bytes(page)));
        else event("free", this.#numbers.get(page)!);
      },
      freeUnlinkedTable: (page, level) => {
        this.#unlinked.push([page, level]);
        event("rcu_free", this.#numbers.get(page)!, level);
      },
      dsb: () => event("dsb"),
    };
    if (sequence.dcache_clean_inval_poc) mm.dcacheCleanInvalPoc = (phys, size) => event("dcache", phys, size);
    if (sequence.icache_inval_pou) mm.icacheInvalPou = (phys, size) => event("icache", phys, size);
    this.pgt = new Stage2({
      store,
      machine: machineOf(sequence),
      vtcr: BigInt(sequence.vtcr),
      idmap: sequence.stage2_flags.includes("IDMAP"),
      asS1: sequence.stage2_flags.includes("AS_S1"),
      ...(sequence.force_pte_cb === "always" ? { forcePteCb: () => true } : {}),
      ...(sequence.force_pte_cb === "not_rwx"
        ? { forcePteCb: (_a: Ipa, _e: Ipa, prot: number) => prot !== Prot.RWX }
        : {}),
      mm,
      tlb: {
        flushVmidIpa: (ipa, level) => event("tlbi_ipa", ipa, level),
        flushVmidIpaNsh: (ipa, level) => event("tlbi_ipa_nsh", ipa, level),
        flushVmidRange: (ipa, pages) => event("tlbi_range", ipa, pages),
        flushVmid: () => event("tlbi_vmid"),
      },
      warn: (text) => this.#warns.push(text),
    });
    this.#watch(sequence.trace);
  }

  /** Runs one operation. @returns the differences between what the vector says and what happened */
  run(op: VectorOp): string[] {
    this.#events = [];
    this.#warns = [];
    const result = this.#perform(op);
    result["pages"] = this.pgt.tables.pages;
    Object.assign(result, checksum(this.pgt, this.#numbers));
    if (op["tables"] !== undefined)
      result["tables"] = this.#fold(tableEntries(this.pgt), op["tables"] as unknown[][]);
    return compare(op, result, this.#events, this.#warns);
  }

  #perform(op: VectorOp): Result {
    const { pgt } = this;
    const addr = Number(op.addr ?? 0) as Ipa;
    const size = Number(op.size ?? 0);
    const phys = Number(op.phys ?? 0) as Pa;
    const cache = op.mc == null ? null : this.#cache;
    if (op.mc != null) this.#cache.set(op.mc);
    const result: Result = {};
    const raced = op.race === undefined ? null : this.#race(op.race.cas, op.race.value);
    switch (op.op) {
      case "init":
        this.#fail = op.fail === true;
        result["ret"] = pgt.init();
        if (result["ret"] === 0) {
          Object.assign(result, {
            start_level: pgt.startLevel,
            ia_bits: pgt.iaBits,
            pgd_pages: pgt.pgdPages,
          });
        }
        break;
      case "map":
        result["ret"] = pgt.map(addr, size, phys, parseProt(op.prot!), cache, walkFlags(op.flags!));
        break;
      case "unmap":
        result["ret"] = pgt.unmap(addr, size);
        break;
      case "wrprotect":
        result["ret"] = pgt.wrprotect(addr, size);
        break;
      case "mkyoung":
        pgt.mkyoung(addr, walkFlags(op.flags!));
        break;
      case "test_clear_young":
        result["young"] = pgt.testClearYoung(addr, size, op.mkold!);
        break;
      case "relax_perms":
        result["ret"] = pgt.relaxPerms(addr, parseProt(op.prot!), walkFlags(op.flags!));
        break;
      case "split":
        result["ret"] = pgt.split(addr, size, this.#cache);
        break;
      case "annotate":
        result["ret"] = pgt.annotate(addr, size, cache, op.type!, BigInt(op.annotation!));
        break;
      case "flush":
        result["ret"] = pgt.flush(addr, size);
        break;
      case "get_leaf": {
        const leaf = pgt.getLeaf(addr);
        if (typeof leaf === "number") result["ret"] = leaf;
        else {
          const { pte, level } = leaf;
          const prot = protOfHalves(lowerHalf(pte), upperHalf(pte));
          Object.assign(result, { ret: 0, pte: hex(pte), level, pte_prot: formatProt(prot) });
        }
        break;
      }
      case "walk":
        result["ret"] = this.#walk(op, addr, size);
        break;
      case "create_unlinked": {
        const root = pgt.createUnlinked(phys, op.level!, parseProt(op.prot!), this.#cache, op.force_pte!);
        if (typeof root === "number") result["ret"] = root;
        else {
          const tree = unlinkedEntries(pgt, root, op.level! + 1);
          Object.assign(result, {
            ret: 0,
            root: `T${this.#numbers.get(root)}`,
            tree: this.#fold(tree, op["tree"] as unknown[][]),
          });
        }
        break;
      }
      case "free_unlinked":
        pgt.freeUnlinked(this.#pages[Number(op.root!.slice(1))]!, op.level!);
        break;
      case "rcu_barrier": {
        const waiting = this.#unlinked;
        this.#unlinked = [];
        for (const [page, level] of waiting) pgt.freeUnlinked(page, level);
        break;
      }
      case "destroy":
        pgt.destroy();
        break;
      case "destroy_range":
        pgt.destroyRange(addr, size);
        break;
      case "destroy_pgd":
        pgt.destroyPgd();
        break;
      case "other_break":
        this.#silently(() => this.#otherBreak(...this.#locate(addr, op.level!)));
        break;
      case "other_make":
        this.#silently(() => this.#otherMake(...this.#locate(addr, op.level!), op.desc!));
        break;
      default:
        throw new Error(`unknown operation ${op.op}`);
    }
    if (op.mc != null) result["mc_left"] = this.#cache.nobjs;
    raced?.(result);
    return result;
  }

  #walk(op: VectorOp, addr: Ipa, size: number): number {
    let visits = 0;
    return this.pgt.walk(addr, size, walkFlags(op.flags!), (visit) => {
      const { kind, level, old, page, index } = visit;
      if (kind === Walk.LEAF) this.#events.push(["leaf", level, hex(visit.addr), hex(old)]);
      else {
        const child = this.pgt.tables.child(page, index, lowerHalf(old), upperHalf(old));
        this.#events.push([
          kind === Walk.TABLE_PRE ? "pre" : "post",
          level,
          hex(visit.addr),
          this.#numbers.get(child)!,
        ]);
      }
      const [at, ret] = op.visitor_ret ?? [-1, 0];
      return visits++ === at ? ret : 0;
    });
  }

  /** Lets another agent change the entry of the k-th compare-and-exchange just before it. @returns what ends this */
  #race(cas: number, value: string): (result: Result) => void {
    const original = TablePage.prototype.compareExchange;
    const { pgt } = this;
    let count = 0;
    let raced: unknown;
    const silently = (body: () => void) => this.#silently(body);
    const breakEntry = (page: TablePage, index: number) => this.#otherBreak(page, index);
    const describe = (page: TablePage, index: number) => this.#describe(page, index);
    TablePage.prototype.compareExchange = function (index, oldLo, oldHi, lo, hi) {
      if (count++ === cas) {
        const at = [...tableEntries(pgt), ...zeroEntry(pgt, this, index)].find(
          (e) => e.page === this && e.index === index,
        )!;
        if (value === "LOCKED") {
          raced = [at.level, hex(at.ipa), describe(this, index)];
          silently(() => breakEntry(this, index));
        } else if ((oldLo & VALID) !== 0 && !isTable(oldLo, at.level)) {
          raced = [at.level, hex(at.ipa), describe(this, index)];
          silently(() => this.write(index, oldLo ^ 0x400, oldHi, false));
        }
      }
      return original.call(this, index, oldLo, oldHi, lo, hi);
    };
    return (result) => {
      TablePage.prototype.compareExchange = original;
      if (raced !== undefined) result["raced"] = raced;
    };
  }

  #otherBreak(page: TablePage, index: number): void {
    if (page.peek(index) !== 0n) page.putPage(index);
    page.write(index, 0, LOCKED_HI, false);
  }

  #otherMake(page: TablePage, index: number, desc: string): void {
    const table = desc.startsWith("T") ? this.#pages[Number(desc.slice(1))]! : null;
    const value = table === null ? BigInt(desc) : table.peekEntry();
    page.write(index, lowerHalf(value), upperHalf(value), false);
    if (value !== 0n) page.getPage(index);
  }

  #locate(addr: number, level: number): [TablePage, number] {
    let found: [TablePage, number] | undefined;
    this.pgt.walk(addr as Ipa, 1, Walk.LEAF | Walk.TABLE_PRE, (visit) => {
      if (visit.level === level) found = [visit.page, visit.index];
      return 0;
    });
    return found!;
  }

  /** `T3` for a table, otherwise the descriptor. */
  #describe(page: TablePage, index: number): string {
    const desc = page.peek(index);
    const table = this.#pages.find((other) => other.isLive && other.peekEntry() === desc);
    return table === undefined ? hex(desc) : `T${this.#numbers.get(table)}`;
  }

  #watch(trace: boolean): void {
    if (!trace) return;
    this.pgt.tables.onWrite = (page, index) => {
      const text = this.#describe(page, index);
      const number = this.#numbers.get(page)!;
      if (text.startsWith("T")) this.#events.push(["set_table", number, index, Number(text.slice(1))]);
      else this.#events.push(["set", number, index, text]);
    };
  }

  #silently(body: () => void): void {
    const { onWrite } = this.pgt.tables;
    this.pgt.tables.onWrite = null;
    body();
    this.pgt.tables.onWrite = onWrite;
  }

  #bytes(page: TablePage): number {
    return page.pages * this.sequence.PAGE_SIZE;
  }

  /** The entries as the vector writes them, folding as it does. */
  #fold(entries: readonly TableEntry[], like: readonly unknown[][]): unknown[][] {
    const lines: unknown[][] = [];
    let next = 0;
    for (const [, , , count = 1, step = "0x0"] of like as [number, string, string, number?, string?][]) {
      const first = entries[next];
      if (first === undefined) break;
      const text = (e: TableEntry) => (e.child === null ? hex(e.desc) : `T${this.#numbers.get(e.child)}`);
      const run = entries.slice(next, next + count);
      const uniform = run.every(
        (e, i) =>
          e.level === first.level &&
          e.ipa === first.ipa + i * this.pgt.geometry.sizes[e.level]! &&
          e.desc === BigInt.asUintN(64, first.desc + BigInt(i) * BigInt(step)),
      );
      if (count > 1 && uniform && run.length === count)
        lines.push([first.level, hex(first.ipa), text(first), count, step]);
      else for (const e of run) lines.push([e.level, hex(e.ipa), text(e)]);
      next += count;
    }
    for (const e of entries.slice(next)) lines.push([e.level, hex(e.ipa), hex(e.desc)]);
    return lines;
  }
}

function* zeroEntry(pgt: Stage2, page: TablePage, index: number): Generator<TableEntry> {
  // An entry that is 0 is not among the tables' contents: its place follows from the entry that points to its page.
  const size = (level: number) => pgt.geometry.sizes[level]!;
  if (page === pgt.pgd.peek()) {
    yield { level: pgt.startLevel, ipa: index * size(pgt.startLevel), desc: 0n, child: null, page, index };
    return;
  }
  for (const e of tableEntries(pgt)) {
    if (e.child === page) {
      yield {
        level: e.level + 1,
        ipa: e.ipa + index * size(e.level + 1),
        desc: 0n,
        child: null,
        page,
        index,
      };
      return;
    }
  }
}

function machineOf(sequence: VectorSequence): Machine {
  const has = (cap: string) => sequence.caps.includes(cap);
  return {
    pageSize: sequence.PAGE_SIZE,
    fwb: has("ARM64_HAS_STAGE2_FWB"),
    xnx: has("ARM64_HAS_XNX"),
    tlbRange: has("ARM64_HAS_TLB_RANGE"),
    lpa2: has("LPA2"),
    pa52: has("CONFIG_ARM64_PA_BITS_52"),
    dic: false,
  };
}

function walkFlags(text: string): number {
  if (text === "") return 0;
  return text.split("|").reduce((flags, name) => flags | Walk[name as keyof typeof Walk], 0);
}
