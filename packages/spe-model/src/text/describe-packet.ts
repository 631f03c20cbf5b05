import { ADDRESS_MASK } from "../address/address.js";
import type { DecodedPacket, Packet } from "../packet/packet.js";
import { eventsText } from "./events-text.js";
import { operationText } from "./operation-text.js";
import type { PerfVersion } from "./perf-version.js";

/** How to put packets into words. */
export interface TextOptions {
  /** Whose names; default "7.2". */
  readonly version?: PerfVersion;
  /** MIDR_EL1 of the CPU, for the events that it defines; default none. */
  readonly midr?: bigint;
}

const INSTRUCTION = ["PC", "TGT", "", "", "PBT"];
const COUNTER = ["TOT", "ISSUE", "XLAT"];

/** An operation of class 0 that `perf` 7.2 has no words for, and prints what it printed before. */
export function isUnworded(packet: Packet | DecodedPacket, version: PerfVersion): boolean {
  return (
    packet.kind === "operation" &&
    packet.class === 0 &&
    operationText(0, packet.payload, version) === undefined
  );
}

/** What `perf`'s raw dump says of the packet. An operation without words is shown as a number. */
export function describePacket(packet: Packet | DecodedPacket, options: TextOptions = {}): string {
  const { version = "7.2", midr = 0n } = options;
  switch (packet.kind) {
    case "bad":
      return "Bad packet!";
    case "padding":
    case "alignment":
      return "PAD";
    case "end":
      return "END";
    case "timestamp":
      return `TS ${BigInt.asIntN(64, packet.value)}`;
    case "data-source":
      return `DATA-SOURCE ${BigInt.asIntN(64, packet.value)}`;
    case "context":
      return `CONTEXT 0x${packet.value.toString(16)} el${packet.index + 1}`;
    case "counter":
      return `LAT ${packet.value} ${COUNTER[packet.index] ?? ""}`;
    case "events":
      return eventsText(packet.bits, version, midr);
    case "operation":
      return (
        operationText(packet.class, packet.payload, version) ??
        `OP-TYPE 0x${packet.payload.toString(16)} (${packet.class})`
      );
    case "address":
      return addressText(packet.index, packet.value, version);
  }
}

function addressText(index: number, value: bigint, version: PerfVersion): string {
  const low = `0x${(value & ADDRESS_MASK).toString(16)}`;
  const ns = value >> 63n;
  // 6.1 does not know previous branch targets.
  switch (index === 4 && version === "6.1" ? -1 : index) {
    case 0:
    case 1:
    case 4:
      return `${INSTRUCTION[index]} ${low} el${(value >> 61n) & 3n} ns=${ns}`;
    case 2:
      return `VA 0x${value.toString(16)}`;
    case 3:
      return `PA ${low} ns=${ns} ch=${(value >> 62n) & 1n} pat=${((value >> 56n) & 0xfn).toString(16)}`;
    default:
      return `ADDR 0x${value.toString(16)} (${index})`;
  }
}
