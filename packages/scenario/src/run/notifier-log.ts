import type { Kvm, KvmObserver } from "@kvmm/kvm-memslots";
import { type Hva, hex, type NotifierRange, PAGE_SIZE } from "@kvmm/mm-core";
import type { NotifierObservation } from "../format/observation.js";
import type { Chance } from "./chance.js";

interface Seen {
  readonly event: NotifierObservation["event"];
  readonly site: string;
  readonly start: Hva;
  readonly end: Hva;
  readonly maybe: boolean;
}

/** The MMU notifiers that KVM gets over the range of a slot, clipped to the union of the slots. */
export class NotifierLog implements KvmObserver {
  #seen: Seen[] = [];

  constructor(
    private readonly kvm: Kvm,
    /** Memslots that are no part of what is observed. */
    private readonly predefined: ReadonlySet<number>,
    private readonly chance: Chance,
  ) {}

  unmapHvaRange(range: NotifierRange): void {
    this.#add("unmap", range.site, range.start, range.end);
  }

  ageHva(start: Hva, end: Hva, site: string): void {
    this.#add("age", site, start, end);
  }

  testAgeHva(address: Hva, site: string): void {
    this.#add("test_age", site, address, address + 1);
  }

  #add(event: Seen["event"], site: string, start: Hva, end: Hva): void {
    const { maybe } = this.chance;
    for (const [from, to] of this.#slotRanges()) {
      const first = Math.max(start, from);
      const last = Math.min(end, to);
      if (first < last) this.#seen.push({ event, site, start: first, end: last, maybe });
    }
  }

  /** User addresses of the slots, overlapping and touching ones united. */
  #slotRanges(): readonly (readonly [Hva, Hva])[] {
    const ranges: [Hva, Hva][] = [];
    for (let asId = 0; asId < this.kvm.mmu.traits.addressSpaces; asId++) {
      for (const slot of this.kvm.peekMemslots(asId).peek()) {
        if (!this.predefined.has(slot.slotId)) ranges.push([slot.userspaceAddr, slot.userspaceEnd]);
      }
    }
    ranges.sort((a, b) => a[0] - b[0]);
    const united: [Hva, Hva][] = [];
    for (const [start, end] of ranges) {
      const last = united[united.length - 1];
      if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
      else united.push([start, end]);
    }
    return united;
  }

  /** What was seen since the last call; consecutive callbacks of one site over adjacent ranges are one entry. */
  take(): readonly NotifierObservation[] | undefined {
    const seen = this.#seen;
    this.#seen = [];
    if (seen.length === 0) return undefined;
    const entries: (Omit<Seen, "end"> & { end: Hva; count: number })[] = [];
    for (const one of seen) {
      const last = entries[entries.length - 1];
      if (
        last !== undefined &&
        last.event === one.event &&
        last.site === one.site &&
        last.maybe === one.maybe &&
        last.end === one.start
      ) {
        last.end = one.end;
        last.count++;
      } else entries.push({ ...one, count: 1 });
    }
    return entries.map(({ event, site, start, end, count, maybe }) => {
      const first = Math.floor(start / PAGE_SIZE);
      return {
        event,
        addr: hex(first * PAGE_SIZE),
        pages: [[0, Math.ceil(end / PAGE_SIZE) - first]],
        site,
        ...(count > 1 ? { count } : {}),
        ...(maybe ? { maybe } : {}),
      };
    });
  }
}
