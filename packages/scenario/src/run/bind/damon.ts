import {
  damonPaMkold,
  damonPaYoung,
  damonVaMkold,
  damonVaYoung,
  type Hva,
  leafAt,
  leafPage,
  NotModelled,
  PAGE_SIZE,
  type Pfn,
  ptePresent,
  type Task,
  userMappingSize,
} from "@kvmm/mm-core";
import { isSurelySampled } from "../chance.js";
import type { CallBinding } from "../outcome.js";
import { int, unsigned } from "../results.js";
import type { World } from "../world.js";
import { touchAll } from "./touchers.js";

/** kdamond_fn(): DAMON watches, and takes samples of what is used. */
export const damon: CallBinding<"damon"> = (
  world,
  task,
  { ops, addr, frame_of, offset, length, ms, toucher },
) => {
  // By the time that DAMON samples, what was just touched is on the LRU.
  world.host.lru.drain();
  if (ops === "fvaddr") {
    const sampled = { start: unsigned(addr ?? 0n), length: unsigned(length), ms: int(ms) };
    ageSampled(world, task, sampled);
    touchAll(world, task, toucher);
    testSampled(world, task, sampled);
  } else {
    const frame = frameOf(world, frame_of, unsigned(offset));
    if (frame !== null) damonPaMkold(world.host, frame);
    touchAll(world, task, toucher);
    if (frame !== null) damonPaYoung(world.host, frame);
  }
  return { observation: { any: true } };
};

interface Sampled {
  readonly start: Hva;
  readonly length: number;
  readonly ms: number;
}

/** damon_va_prepare_access_checks(), at every address that can be among the samples. */
function ageSampled({ chance, kvm }: World, { mm }: Task, { start, length, ms }: Sampled): void {
  for (let at = start; at < start + length; at += PAGE_SIZE) {
    const size = Math.min(length, userMappingSize(mm, at) ?? PAGE_SIZE);
    const isSure = isSurelySampled(length, size, ms);
    chance.happens(isSure, () => damonVaMkold(mm, at));
    if (isSure) continue;
    for (const { baseGfn, userspaceAddr, userspaceEnd } of kvm.peekMemslots().peek()) {
      if (at < userspaceAddr || at >= userspaceEnd) continue;
      const gpa = baseGfn * PAGE_SIZE + (at - userspaceAddr);
      chance.maybeOld.push([gpa, gpa + PAGE_SIZE]);
    }
  }
}

/** damon_va_check_accesses(), likewise. */
function testSampled({ chance }: World, { mm }: Task, { start, length, ms }: Sampled): void {
  const isSure = isSurelySampled(length, PAGE_SIZE, ms);
  for (let at = start; at < start + length; at += PAGE_SIZE)
    chance.happens(isSure, () => void damonVaYoung(mm, at));
}

/** The frame behind an offset of a mapping, or of a guest_memfd, as it is. */
function frameOf(world: World, name: string | undefined, offset: number): Pfn | null {
  if (name === undefined) throw new NotModelled("damon(paddr) of no frame");
  const value = Number(world.names.get(name) ?? 0n);
  if (world.lengthOf(name) > 0) {
    const leaf = leafAt(world.vmm.mm, value + offset);
    return leaf !== null && ptePresent(leaf.pte) ? leafPage(leaf, value + offset) : null;
  }
  const inode = world.vmm.process.file(value)?.inode;
  return inode?.pages.at(offset / PAGE_SIZE) || null;
}
