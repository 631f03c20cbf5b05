import { type Mm, PageFlag, type Pte, PteFlag, pteHas, ptePfn, ptePresent } from "@kvmm/mm-core";
import type { World } from "../run/world.js";
import { type Bounded, MOST_ENTRIES } from "./snapshot.js";

/** An entry of the VMM's page table that is not empty. */
export interface HostPageView {
  readonly address: number;
  /** Bytes that it maps: a page, or 2 MiB. */
  readonly size: number;
  readonly state: "present" | "prot_none" | "swap" | "migration" | "marker";
  /** The frame; -1 where the entry holds none. */
  readonly pfn: number;
  /** The NUMA node of the frame; -1 where there is none. */
  readonly node: number;
  /** What is set in the entry and in the frame: `write`, `dirty`, `young`, `hwpoison`. */
  readonly flags: readonly string[];
}

type Table = Mm["pgd"];

/** Bytes that an entry maps, by level of its table: 0 is a table of PTEs. */
const ENTRY_SIZE = [2 ** 12, 2 ** 21, 2 ** 30, 2 ** 39] as const;
const ENTRIES = 512;
const PTE_FLAGS = ["write", "dirty", "young", "special", "uffdWp", "exec", "guard", "poisoned"] as const;
const FRAME_FLAGS = ["hwpoison", "ksm"] as const;

/** The VMM's page table, in ascending order of addresses. As it is; not an access. */
export function hostPages(world: World): Bounded<HostPageView> {
  const list: HostPageView[] = [];
  let total = 0;
  const visit = (table: Table): void => {
    for (let index = 0; index < ENTRIES; index++) {
      const { pte, child } = table.peek(index);
      if (child !== null) visit(child);
      else if (pte !== 0) {
        total++;
        if (list.length < MOST_ENTRIES) list.push(viewOf(world, table, index, pte));
      }
    }
  };
  visit(world.vmm.mm.pgd);
  return { list, total };
}

function viewOf(world: World, table: Table, index: number, pte: Pte): HostPageView {
  const size = ENTRY_SIZE[table.level];
  const { frames } = world.host;
  const present = ptePresent(pte);
  const pfn = present ? ptePfn(pte) : -1;
  const ofFrame = present
    ? FRAME_FLAGS.filter((name) => (frames.flags.peek(pfn) & PageFlag[name]) !== 0)
    : [];
  return {
    address: table.base + index * size,
    size,
    state: stateOf(pte),
    pfn,
    node: present ? frames.nodeOf(pfn) : -1,
    flags: [...PTE_FLAGS.filter((name) => pteHas(pte, PteFlag[name])), ...ofFrame],
  };
}

function stateOf(pte: Pte): HostPageView["state"] {
  if (pteHas(pte, PteFlag.valid)) return "present";
  if (pteHas(pte, PteFlag.protNone)) return "prot_none";
  if (pteHas(pte, PteFlag.swap)) return "swap";
  return pteHas(pte, PteFlag.migration) ? "migration" : "marker";
}
