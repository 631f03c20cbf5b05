import {
  Arm64Mmu,
  type Descriptor,
  decodeDescriptor,
  type TableEntry,
  tableEntries,
} from "@kvmm/arm64-stage2";
import type { World } from "../run/world.js";
import { type Bounded, MOST_ENTRIES } from "./snapshot.js";

/** The VM's stage-2 tables. */
export interface Stage2View {
  readonly startLevel: number;
  /** Bits of the IPA space. */
  readonly iaBits: number;
  /** Every entry that is not 0, tables before what they contain. */
  readonly entries: Bounded<Stage2EntryView>;
}

/** A descriptor, and what its bits say. */
export interface Stage2EntryView {
  readonly level: number;
  readonly ipa: number;
  /** Bytes that it translates. */
  readonly size: number;
  readonly index: number;
  /** The 64 bits, as 16 hexadecimal digits. */
  readonly bits: string;
  readonly kind: Descriptor["kind"];
  /** The output address, or that of the next table; -1 where there is none. */
  readonly pa: number;
  /** Fields by the names of the architecture: `S2AP`, `AF`, `MemAttr`. */
  readonly fields: Readonly<Record<string, string>>;
}

/** The tables as they are; not an access. Null where the VM's MMU is another one. */
export function stage2View(world: World): Stage2View | null {
  const { mmu } = world.kvm;
  if (!(mmu instanceof Arm64Mmu)) return null;
  const { pgt } = mmu;
  const all = tableEntries(pgt);
  const list = all.slice(0, MOST_ENTRIES).map((entry) => viewOf(mmu, entry));
  return { startLevel: pgt.startLevel, iaBits: pgt.iaBits, entries: { list, total: all.length } };
}

function viewOf({ machine, pgt }: Arm64Mmu, { level, ipa, desc, index }: TableEntry): Stage2EntryView {
  const decoded = decodeDescriptor(machine, desc, level);
  return {
    level,
    ipa,
    size: pgt.geometry.sizes[level]!,
    index,
    bits: desc.toString(16).padStart(16, "0"),
    kind: decoded.kind,
    pa: "pa" in decoded ? decoded.pa : -1,
    fields: fieldsOf(decoded),
  };
}

function fieldsOf(decoded: Descriptor): Readonly<Record<string, string>> {
  switch (decoded.kind) {
    case "block":
    case "page":
      return {
        S2AP: `${decoded.read ? "r" : "-"}${decoded.write ? "w" : "-"}`,
        AF: decoded.accessFlag ? "1" : "0",
        DBM: decoded.dirtyBitModifier ? "1" : "0",
        XN: decoded.xn.toString(2).padStart(2, "0"),
        MemAttr: `0b${decoded.memAttr.toString(2).padStart(4, "0")}`,
        SH: decoded.shareability.toString(2).padStart(2, "0"),
        SW: decoded.software.toString(2).padStart(4, "0"),
      };
    case "invalid":
      return { type: String(decoded.type), annotation: `0x${decoded.annotation.toString(16)}` };
    default:
      return {};
  }
}
