import { decodeVtcr, geometryOf, getVtcr, hex, machine, type PageSize } from "@kvmm/arm64-stage2";
import { InvalidArgumentError } from "commander";
import { type OutputOptions, withOutputOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { pageSizeOf, withPageSize } from "../stage2/cpu-options.js";
import { parseBits, parseStep } from "../stage2/parse-number.js";
import { attributesInWords } from "../stage2/range-output.js";
import { readTables, type TablesInput } from "../stage2/tables-input.js";
import { UsageError } from "../usage-error.js";
import { type AddCommand, examples } from "./command.js";

interface WalkOptions extends OutputOptions {
  readonly step?: number;
  readonly pageSize: "4K" | "16K" | "64K";
  readonly ipaBits: number;
}

/** One step of the walk: an entry, and what it translates. */
interface Visited {
  readonly level: number;
  readonly index: number;
  readonly first: string;
  readonly end: string;
  /** null: a table. */
  readonly attributes: string | null;
}

export const addStage2Walk: AddCommand = (stage2, context, end) => {
  withPageSize(
    withOutputOptions(
      stage2
        .command("walk")
        .argument("<tables>", "a kernel's stage2_page_tables, a scenario, FILE#ID of a recording, or -")
        .argument("<ipa>", "a guest physical address", parseBits(52)),
    ),
  )
    .option("--step <number>", "after which step of the scenario; default: the last", parseStep)
    .option("--ipa-bits <number>", "of a kernel's file: the file ipa_range beside it", parseIpaBits, 40)
    .summary("how a guest physical address is translated")
    .description(
      "Walks the tables for an address: the entry of each level, down to the one that ends the walk. Ends with 0 where something is mapped, with 1 where not.",
    )
    .addHelpText(
      "after",
      examples(
        ["kvmm stage2 walk stage2_page_tables 0x80001000", "in a kernel's file"],
        ["kvmm stage2 walk race.yaml 0x80001000 --step 3", "in what a scenario has made after its step 3"],
      ),
    )
    .action(async (argument: string, address: bigint, options: WalkOptions) => {
      const input = await readTables(argument, options.step, context);
      if (input.error !== null) throw input.error;
      const ipa = Number(address);
      const bits = input.ipaBits ?? options.ipaBits;
      const visited = walk(input, ipa, bits, pageSizeOf(options));
      const found = visited.at(-1)!;
      const isMapped = found.attributes !== null && /^R|^W|^p|^P/.test(found.attributes);
      context.stdout.write(
        options.json === true
          ? toJson({ tables: input.name, ipa: hex(ipa), mapped: isMapped, walk: visited })
          : asText(ipa, visited),
      );
      end(isMapped ? 0 : 1);
    });
};

function parseIpaBits(value: string): number {
  const bits = /^\d{2}$/.test(value) ? Number(value) : 0;
  if (bits < 32 || bits > 52) throw new InvalidArgumentError("it should be a number from 32 to 52.");
  return bits;
}

/** The walk that a dump shows: it says at which level that ends, and so that all above are tables. */
function walk({ name, ranges }: TablesInput, ipa: number, bits: number, pageSize: PageSize): Visited[] {
  if (ipa >= 2 ** bits) throw new UsageError(`${hex(ipa)} is beyond the ${bits} bits of the IPA space`);
  const found = ranges.find(([first, end]) => first <= ipa && ipa < end);
  if (found === undefined) {
    const last = ranges.at(-1)?.[1] ?? 0;
    throw new UsageError(
      `${name} says nothing of ${hex(ipa)}: it ends at ${hex(last)}, and a kernel does not print the last range`,
    );
  }
  const [from, to, level, attributes] = found;
  const { sizes, ptrsPerPte } = geometryOf(pageSize);
  const cpu = machine({ pageSize, lpa2: pageSize !== 65536, pa52: true });
  const { startLevel } = decodeVtcr(cpu, getVtcr(cpu, 6n, 0n, bits));
  if (level < startLevel)
    throw new UsageError(
      `${name} has an entry of level ${level}, but ${bits} bits begin at level ${startLevel}; is --ipa-bits or --page-size wrong?`,
    );
  if (from % sizes[level]! !== 0 || to % sizes[level]! !== 0)
    throw new UsageError(
      `${name}: ${hex(from)} to ${hex(to)} are no whole entries of level ${level}, of ${hex(sizes[level]!)} bytes each; is --page-size wrong?`,
    );
  const visited: Visited[] = [];
  for (let at = startLevel; at <= level; at++) {
    const size = sizes[at]!;
    const entry = Math.floor(ipa / size);
    visited.push({
      level: at,
      index: at === startLevel ? entry : entry % ptrsPerPte,
      first: hex(entry * size),
      end: hex((entry + 1) * size),
      attributes: at === level ? attributes : null,
    });
  }
  return visited;
}

function asText(ipa: number, visited: readonly Visited[]): string {
  const lines = visited.map(({ level, index, first, end, attributes }) => {
    const what = attributes === null ? "table" : attributesInWords(attributes, level);
    return `  level ${level}  entry ${String(index).padEnd(5)} ${`${first}-${end}`.padEnd(24)}  ${what}\n`;
  });
  return `${hex(ipa)}\n${lines.join("")}`;
}
