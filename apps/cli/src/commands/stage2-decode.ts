import {
  type Descriptor,
  decodeDescriptor,
  formatProt,
  hex,
  InvalidType,
  type Machine,
  memoryType,
  pteProt,
  Xn,
} from "@kvmm/arm64-stage2";
import { type OutputOptions, withOutputOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { type CpuOptions, cpuOf, withCpuOptions } from "../stage2/cpu-options.js";
import { parseBits, parseLevel } from "../stage2/parse-number.js";
import { UsageError } from "../usage-error.js";
import { type AddCommand, examples } from "./command.js";

interface DecodeOptions extends OutputOptions, CpuOptions {
  readonly level: number;
}

export const addStage2Decode: AddCommand = (stage2, context, end) => {
  withCpuOptions(
    withOutputOptions(
      stage2
        .command("decode")
        .argument("<descriptor>", "64 bits, as 0x400001000007d9", parseBits(64))
        .requiredOption("--level <number>", "of its table: 0 to 3", parseLevel),
    ),
  )
    .summary("what a descriptor says")
    .description("Takes a stage-2 descriptor apart, as the architecture and KVM read it.")
    .addHelpText(
      "after",
      examples(
        ["kvmm stage2 decode 0x400001000007d9 --level 2", "a block of 2 MiB"],
        ["kvmm stage2 decode 0x400001000004db --level 3 --lpa2 --json", "a page, with 52-bit addresses"],
      ),
    )
    .action((descriptor: bigint, options: DecodeOptions) => {
      const cpu = machineOf(options);
      const decoded = decodeDescriptor(cpu, descriptor, options.level);
      context.stdout.write(
        options.json === true
          ? toJson({ descriptor, level: options.level, ...documentOf(decoded, descriptor, cpu) })
          : asText(decoded, descriptor, cpu),
      );
      end(0);
    });
};

function machineOf(options: CpuOptions): Machine {
  try {
    return cpuOf(options);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

function documentOf(decoded: Descriptor, descriptor: bigint, cpu: Machine): object {
  switch (decoded.kind) {
    case "block":
    case "page":
      return {
        ...decoded,
        pa: hex(decoded.pa),
        memory_type: memoryType(cpu, decoded.memAttr),
        prot: formatProt(pteProt(descriptor)),
      };
    case "table":
      return { ...decoded, pa: hex(decoded.pa) };
    default:
      return decoded;
  }
}

const EXECUTE: Readonly<Record<Xn, string>> = {
  [Xn.None]: "EL1 and EL0",
  [Xn.Privileged]: "EL0 alone",
  [Xn.All]: "nobody",
  [Xn.Unprivileged]: "EL1 alone",
};

/** Names of the fields, and what is in them. */
function fieldsOf(
  decoded: Descriptor,
  descriptor: bigint,
  cpu: Machine,
): readonly (readonly [string, string])[] {
  switch (decoded.kind) {
    case "empty":
      return [["kind", "empty: nothing is mapped"]];
    case "invalid": {
      const type = Object.entries(InvalidType).find(([, value]) => value === decoded.type)?.[0];
      return [
        ["kind", "not valid, but not empty: a note of the kernel's"],
        ["type", type === undefined ? String(decoded.type) : `${decoded.type} (${type})`],
        ["annotation", hex(decoded.annotation)],
      ];
    }
    case "reserved":
      return [["kind", "valid, but of no type that this level has"]];
    case "table":
      return [
        ["kind", "table"],
        ["points to", hex(decoded.pa)],
        ...(decoded.rest === 0n ? [] : [["other bits", hex(decoded.rest)] as const]),
      ];
    default: {
      const { kind, pa, read, write, xn, memAttr, accessFlag, software, rest } = decoded;
      return [
        ["kind", kind],
        ["output", hex(pa)],
        ["access", [read ? "read" : "", write ? "write" : ""].filter(Boolean).join(", ") || "none"],
        ["execute", `${EXECUTE[xn]} (XN ${xn})`],
        ["memory", `${memoryType(cpu, memAttr)} (MemAttr ${memAttr}${cpu.fwb ? ", FWB" : ""})`],
        ...(cpu.lpa2 ? [] : [["shareability", shareability(decoded.shareability)] as const]),
        ["access flag", accessFlag ? "set" : "clear"],
        ["dirty bit modifier", decoded.dirtyBitModifier ? "set" : "clear"],
        ["contiguous", decoded.contiguous ? "set" : "clear"],
        ["software bits", hex(software)],
        ["KVM's prot", formatProt(pteProt(descriptor))],
        ...(rest === 0n ? [] : [["other bits", hex(rest)] as const]),
      ];
    }
  }
}

const SHAREABILITY = ["none", "reserved", "outer", "inner"] as const;

function shareability(field: number): string {
  return `${SHAREABILITY[field] ?? "reserved"} (SH ${field})`;
}

function asText(decoded: Descriptor, descriptor: bigint, cpu: Machine): string {
  return fieldsOf(decoded, descriptor, cpu)
    .map(([name, value]) => `${name.padEnd(18)}  ${value}\n`)
    .join("");
}
