import type { Pa } from "../address.js";
import type { Xn } from "./layout.js";

/** What a stage-2 descriptor says, by its level. `rest`: the bits that the other fields do not cover. */
export type Descriptor =
  | EmptyDescriptor
  | InvalidDescriptor
  | TableDescriptor
  | LeafDescriptor
  | ReservedDescriptor;

/** 0: nothing is mapped. */
export interface EmptyDescriptor {
  readonly kind: "empty";
}

/** Not valid, but not 0 either: the kernel's own note. */
export interface InvalidDescriptor {
  readonly kind: "invalid";
  /** Bits 63:60; see `InvalidType`. */
  readonly type: number;
  /** Bits 59:1, in place. */
  readonly annotation: bigint;
}

/** Points to a table of the next level. */
export interface TableDescriptor {
  readonly kind: "table";
  readonly pa: Pa;
  readonly rest: bigint;
}

/** Translates: a block at levels 1 and 2, a page at level 3. */
export interface LeafDescriptor {
  readonly kind: "block" | "page";
  readonly pa: Pa;
  readonly read: boolean;
  readonly write: boolean;
  readonly xn: Xn;
  /** The MemAttr field; what it means depends on FWB, see `memoryType`. */
  readonly memAttr: number;
  /** The SH field; with LPA2 there is none, and it is 0. */
  readonly shareability: number;
  readonly accessFlag: boolean;
  readonly dirtyBitModifier: boolean;
  readonly contiguous: boolean;
  /** Software bits SW0 to SW3. */
  readonly software: number;
  readonly rest: bigint;
}

/** Valid, with a type that this level does not have: a block at level 0, bits 1:0 of 01 at level 3. */
export interface ReservedDescriptor {
  readonly kind: "reserved";
  readonly desc: bigint;
}
