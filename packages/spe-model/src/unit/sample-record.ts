import { ADDRESS_MASK, type InstructionAddress } from "../address/address.js";
import type { SpeRecord } from "../record/record.js";
import type { ExecutedOperation } from "./executed-operation.js";

/** What the CPU's state adds to a record. */
export interface SampleContext {
  /** Exception level, 0 or 1. */
  readonly el: number;
  /** CONTEXTIDR_EL1, recorded with PMSCR_EL1.CX. */
  readonly contextId: number;
  /** Counts of the generic timer, recorded with PMSCR_EL1.TS. */
  readonly timestamp: bigint;
}

function instruction(va: bigint, el: number): InstructionAddress {
  return { address: va & ADDRESS_MASK, el, ns: true, nse: false };
}

// Bits of PMSCR_EL1; this runs for each record.
const TS = 1 << 5;
const PA = 1 << 4;
const CX = 1 << 3;

/**
 * The record of an operation, with what PMSCR_EL1 lets in, and latencies that saturate as
 * PMSIDR_EL1.COUNTSIZE says.
 */
export function sampleRecord(
  operation: ExecutedOperation,
  context: SampleContext,
  pmscr: bigint,
  pmsidr: bigint,
): SpeRecord {
  const control = Number(pmscr & 0xffn);
  const most = ((pmsidr >> 16n) & 0xfn) === 3n ? 0xffff : 0xfff;
  const { el } = context;
  const { latency, target, dataVirtual, dataPhysical, dataSource } = operation;
  const { total, issue, translation } = latency;
  return {
    pc: instruction(operation.pc, el),
    operation: operation.operation,
    events: {
      bits: operation.events,
      width: operation.events > 0xffff_ffffn ? 8 : operation.events > 0xffffn ? 4 : 2,
    },
    latency: {
      total: Math.min(total, most),
      issue: Math.min(issue, most),
      ...(translation !== undefined && { translation: Math.min(translation, most) }),
    },
    ...((control & CX) !== 0 && { contextEl1: context.contextId }),
    ...(target !== undefined && { target: instruction(target, el) }),
    ...(dataVirtual !== undefined && {
      dataVirtual: { address: dataVirtual & ADDRESS_MASK, tag: Number(dataVirtual >> 56n) },
    }),
    ...((control & PA) !== 0 &&
      dataPhysical !== undefined && {
        dataPhysical: { address: dataPhysical, ns: true, nse: false, checked: false, tag: 0 },
      }),
    ...(dataSource !== undefined && {
      dataSource: { value: BigInt(dataSource), width: dataSource > 0xff ? (2 as const) : (1 as const) },
    }),
    ...((control & TS) !== 0 && { timestamp: context.timestamp }),
  };
}
