import { census, censusCounts, censusRows } from "../census/census.js";
import type { CensusRow, SiteStatus } from "../census/row.js";
import type { ConformInput } from "../conform/conform.js";
import type { Architecture } from "../format/machine.js";
import { didYouMean } from "../format/nearest.js";
import { hostOperations, type LibraryScenario } from "../library/library.js";
import { type MemoryKind, memoryKinds } from "../library/memory-kinds.js";
import type { Operation } from "../library/operations/operation.js";
import { NotBuiltIn, type RunResult } from "../model.js";
import type { Patch } from "../patches/define-patch.js";
import { type Effect, effectOf } from "../review/effect.js";
import { type Evidence, evidenceFor } from "../review/evidence.js";
import { runScenario, settingOf } from "../run/run-scenario.js";

export interface MatrixOptions {
  /** Default: the newest kernel that the model has as a whole. */
  readonly kernel?: string;
  /** Default: arm64. */
  readonly arch?: Architecture;
  readonly patches?: readonly (string | Patch)[];
  readonly seed?: number;
  /** Names of kinds of memory. Default: all. */
  readonly memories?: readonly string[];
  /** Only operations that reach this call site on some memory: a kernel function, as recorded or as in the sources. */
  readonly site?: string;
  /** What cells may be recorded in. */
  readonly recordings?: readonly ConformInput[];
  readonly onProgress?: (done: number, total: number, what: string) => void;
}

/** What an operation does to stage 2 on a kind of memory. */
export interface MatrixCell {
  /** `munmap-all@anon`: `kvmm run` takes it. */
  readonly scenario: string;
  /** {@link Operation.name} */
  readonly operation: string;
  /** {@link MemoryKind.name} */
  readonly memory: string;
  /**
   * Recorded: the same was recorded on a real kernel with the same patches, and the model reproduces it. Otherwise the
   * model follows the kernel's source alone.
   */
  readonly standsOn: "recorded" | "from source" | "not modelled";
  /** Left out where it is not modelled. */
  readonly effect?: Effect;
  /** Stage-2 pages that the guest had mapped before it. */
  readonly mapped: number;
  /** What the model lacks. */
  readonly why?: string;
}

export interface MatrixResult {
  readonly kernel: string;
  readonly arch: Architecture;
  readonly patches: readonly string[];
  readonly memories: readonly Pick<MemoryKind, "name" | "label" | "gmemOnly" | "pages">[];
  readonly operations: readonly Pick<Operation, "name" | "title" | "group">[];
  /** Operation by operation. Where an operation makes no sense on a kind of memory there is none. */
  readonly cells: readonly MatrixCell[];
  readonly counts: Readonly<Record<MatrixCell["standsOn"], number>>;
  /** Every place in the kernel that can tell KVM, or those of the site that was asked for. */
  readonly sites: readonly CensusRow[];
  /** How many of all places are recorded, from source, out of scope. */
  readonly siteCounts: Readonly<Record<SiteStatus["kind"], number>>;
  readonly evidence: Evidence;
}

/** Operations by kinds of memory: what each does to stage 2. */
export function matrix(options: MatrixOptions = {}): MatrixResult {
  const { arch = "arm64", patches = [], site, recordings = [] } = options;
  const memories = wantedMemories(options.memories);
  const rows = site === undefined ? census : rowsOfSite(site);
  const names = new Set(rows.flatMap(({ functions, inlinedInto = [] }) => [...functions, ...inlinedInto]));
  const setting = settingOf(
    { machine: {}, steps: [] },
    { patches, arch, ...(options.kernel === undefined ? {} : { kernel: options.kernel }) },
  );
  const patchNames = setting.patches.map(({ name }) => name);
  const wanted = hostOperations.filter(({ memory }) => memories.includes(memory));
  const ids = new Set(wanted.map(({ recordedAs }) => recordedAs));
  const own = recordings.filter(({ recording }) => ids.has(recording.id));
  const evidence = evidenceFor(setting.kernel, arch, patchNames, own, runScenario);
  const recorded = new Set(evidence.ids);
  const cells = wanted.map((entry, done) => {
    options.onProgress?.(done, wanted.length, entry.name);
    const run = runScenario(entry.scenario, {
      kernel: setting.kernel.name,
      arch,
      patches,
      ...(options.seed === undefined ? {} : { seed: options.seed }),
    });
    return cellOf(entry, run, recorded);
  });
  const shown = cells.filter(({ effect }) => site === undefined || reaches(effect, names));
  const operations = wantedOperations(wanted, shown);
  return {
    kernel: setting.kernel.name,
    arch,
    patches: patchNames,
    memories: memories.map(({ name, label, gmemOnly, pages }) => ({ name, label, gmemOnly, pages })),
    operations: operations.map(({ name, title, group }) => ({ name, title, group })),
    cells: shown,
    counts: countsOf(shown),
    sites: rows,
    siteCounts: censusCounts(),
    evidence,
  };
}

function cellOf(entry: LibraryScenario, run: RunResult, recorded: ReadonlySet<string>): MatrixCell {
  const { name, memory, does, operation, recordedAs } = entry;
  const cell = {
    scenario: name,
    operation: does.kind === "operation" ? does.operation.name : does.policy.name,
    memory: memory.name,
    mapped: run.steps[operation.first - 1]?.mapped ?? 0,
  };
  const [lacking] = run.notModelled;
  if (lacking !== undefined) return { ...cell, standsOn: "not modelled", why: lacking.why };
  const standsOn = recorded.has(recordedAs) ? "recorded" : "from source";
  return { ...cell, standsOn, effect: effectOf(entry, run) };
}

function reaches(effect: Effect | undefined, names: ReadonlySet<string>): boolean {
  return effect?.sites.some((site) => names.has(site)) ?? false;
}

function wantedOperations(
  entries: readonly LibraryScenario[],
  cells: readonly MatrixCell[],
): readonly Operation[] {
  const shown = new Set(cells.map(({ operation }) => operation));
  const all = entries.flatMap(({ does }) => (does.kind === "operation" ? [does.operation] : []));
  return [...new Set(all)].filter(({ name }) => shown.has(name));
}

function countsOf(cells: readonly MatrixCell[]): MatrixResult["counts"] {
  const counts = { recorded: 0, "from source": 0, "not modelled": 0 };
  for (const { standsOn } of cells) counts[standsOn]++;
  return counts;
}

function wantedMemories(names: readonly string[] | undefined): readonly MemoryKind[] {
  if (names === undefined) return memoryKinds;
  const known = memoryKinds.map(({ name }) => name);
  return names.map((wanted) => {
    const kind = memoryKinds.find(({ name }) => name === wanted);
    if (kind === undefined)
      throw new NotBuiltIn(
        "kind of memory",
        wanted,
        didYouMean(wanted, known) ?? `there are ${known.join(", ")}`,
      );
    return kind;
  });
}

function rowsOfSite(site: string): readonly CensusRow[] {
  const rows = censusRows(site);
  if (rows.length > 0) return rows;
  const known = census.flatMap(({ functions, inlinedInto = [] }) => [...functions, ...inlinedInto]);
  throw new NotBuiltIn(
    "call site",
    site,
    didYouMean(site, known) ?? "kvmm matrix --json lists the call sites under sites",
  );
}
