import { type Machine, machine, type PageSize } from "@kvmm/arm64-stage2";
import { type Command, Option } from "commander";

/** What the options say of the CPU and the kernel whose tables these are. */
export interface CpuOptions {
  readonly pageSize: "4K" | "16K" | "64K";
  readonly lpa2?: boolean;
  readonly lpa?: boolean;
  readonly fwb: boolean;
}

const SIZES: Readonly<Record<CpuOptions["pageSize"], PageSize>> = { "4K": 4096, "16K": 16384, "64K": 65536 };

export function withPageSize(command: Command): Command {
  return command.addOption(
    new Option("--page-size <size>", "of the host").choices(Object.keys(SIZES)).default("4K"),
  );
}

export function withCpuOptions(command: Command): Command {
  return withPageSize(command)
    .addOption(new Option("--lpa2", "52-bit addresses of 4K and 16K pages (FEAT_LPA2)").conflicts("lpa"))
    .option("--lpa", "52-bit addresses of 64K pages (FEAT_LPA)")
    .option("--no-fwb", "without FEAT_S2FWB, on which the memory type depends");
}

export function pageSizeOf({ pageSize }: Pick<CpuOptions, "pageSize">): PageSize {
  return SIZES[pageSize];
}

/** @throws RangeError for a machine that cannot be */
export function cpuOf(options: CpuOptions): Machine {
  const { lpa2 = false, lpa = false, fwb } = options;
  return machine({ pageSize: pageSizeOf(options), lpa2, pa52: lpa2 || lpa, fwb });
}
