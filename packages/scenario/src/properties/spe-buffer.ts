import { Arm64Mmu } from "@kvmm/arm64-stage2";
import { type Gfn, gfnToHvaMemslot, type Memslot } from "@kvmm/kvm-memslots";
import { PAGE_SIZE, PteFlag, pteHas } from "@kvmm/mm-core";
import type { World } from "../run/world.js";
import { peekUserEntry } from "./user-entry.js";

export const SPE_BUFFER_STAYS_MAPPED = "the profiling buffer stays mapped";

/**
 * What SPE in a guest needs: while it is enabled, every page of its buffer can be written to through stage 2, unless
 * user space itself took the memory away (the memslot is gone, guest_memfd has the page no more, nothing is mapped
 * there) or logs writes to it.
 * @returns what is wrong, or undefined. Looks only; no access.
 */
export function brokenSpeBuffer(world: World): string | undefined {
  const { spe, kvm } = world;
  if (spe === null || !(kvm.mmu instanceof Arm64Mmu)) return undefined;
  for (let at = 0; at < spe.size; at += PAGE_SIZE) {
    const write = kvm.mmu.peekWrite(spe.gpa + at);
    if (!("fault" in write)) continue;
    const gfn = ((spe.gpa + at) / PAGE_SIZE) as Gfn;
    const slot = slotOf(world, gfn);
    if (slot === undefined || isAskedFor(world, slot, gfn, write.fault)) continue;
    const why =
      write.fault === "permission"
        ? "is read-only"
        : write.isBeingReplaced
          ? "is invalid between break and make"
          : "is not mapped";
    return `page ${at / PAGE_SIZE} of the buffer ${why} at stage 2 (level ${write.level}), and user space did not ask for that`;
  }
  return undefined;
}

/**
 * A record that was lost to a fault, judged by what user space has asked for since.
 * @param record - page of the buffer, and the fault: `0 translation level 3`
 */
export function lostSpeRecord(world: World, record: string): string | undefined {
  const { spe } = world;
  const [page = "", kind = ""] = record.split(" ");
  if (spe === null) return undefined;
  const gfn = (spe.gpa / PAGE_SIZE + Number(page)) as Gfn;
  const slot = slotOf(world, gfn);
  const fault = kind === "permission" ? "permission" : "translation";
  if (slot === undefined || isAskedFor(world, slot, gfn, fault)) return undefined;
  return `a record for page ${page} of the buffer is lost to a ${record.slice(page.length + 1)} fault, and user space did not ask for that`;
}

function slotOf({ kvm }: World, gfn: Gfn): Memslot | undefined {
  return kvm
    .peekMemslots()
    .peek()
    .find(({ baseGfn, endGfn }) => gfn >= baseGfn && gfn < endGfn);
}

/** Did user space take the page, or ask to be told of writes to it? */
function isAskedFor({ vmm }: World, slot: Memslot, gfn: Gfn, fault: "translation" | "permission"): boolean {
  if (fault === "permission" && slot.tracksDirty) return true;
  if (slot.isReadonly && fault === "permission") return true;
  if (slot.hasGmem) {
    const inode = slot.gmemFile.peek()?.inode;
    return inode == null || inode.pages.at(slot.gmemPgoff + gfn - slot.baseGfn) === 0;
  }
  // What was thrown away and read again is the zero page, until somebody writes.
  const pte = peekUserEntry(vmm, gfnToHvaMemslot(slot, gfn));
  return pte === 0 || pteHas(pte, PteFlag.special);
}
