import { expect, test } from "vitest";
import { races } from "../library/races.js";
import { type LaneRow, laneRows } from "./lane-rows.js";
import { runScenario } from "../run/run-scenario.js";

/** A race of the library that goes wrong, and why. */
const reasons: readonly [race: string, kernel: string, arch: "arm64" | "x86", patch: string, why: string][] =
  [
    [
      "pfncache-punch@gmem",
      "7.2",
      "x86",
      "gmem-ignore-notifiers-rfc",
      "kvm_gpc_write() (kernel) uses pfn 0x40003, which zap_pte_range() (vmm) has unmapped, and of which hva_to_pfn_retry() (kernel) has put the last reference. mmu_notifier_retry_cache() (kernel) had found kvm->mmu_invalidate_seq unchanged at 0 and kvm->mn_active_invalidate_count at 0. Meanwhile kvm_handle_hva_range() (vmm) said: slot 0 overlaps, and is ignored; mmu_lock is not taken.",
    ],
    [
      "fault-remap@hugetlb",
      "7.2",
      "arm64",
      "undo-13ec9308a857",
      "stage2_make_pte() (vcpu) maps pfn 0x40004, which is free. mmu_invalidate_retry() (vcpu) had found kvm->mmu_invalidate_seq unchanged at 1 and kvm->mmu_invalidate_in_progress at 0.",
    ],
    [
      "delete-munmap@anon",
      "7.2",
      "arm64",
      "undo-52ac8b358b0c",
      "kvm_mmu_invalidate_start() (vmm) raised kvm->mmu_invalidate_in_progress to 1, and nothing has lowered it since. Meanwhile kvm_swap_active_memslots() (ioctl) changed the memslots. After that, kvm_handle_hva_range() (vmm) said: slot 0 overlaps: gfn 0x80000 to 0x80001 handled; no memslot in 0x200000000000 to 0x200000001000: mmu_lock is not taken.",
    ],
    [
      "delete-close@gmem",
      "7.2",
      "arm64",
      "undo-ae431059e75d",
      "kvm_gmem_release() (vmm) uses slot 0, which kvm_swap_active_memslots() (ioctl) had taken out of the memslots, as if it were still there.",
    ],
    [
      "fault-munmap@gmem",
      "7.2",
      "arm64",
      "gmem-skip-handler",
      "kvm_mmu_invalidate_end() (vmm) warns. Before that, kvm_handle_hva_range() (vmm) said: slot 0 overlaps: gfn 0x80000 to 0x80001 not handled (lock).",
    ],
  ];

test.each(reasons)("%s on %s %s with %s says why", (name, kernel, arch, patch, why) => {
  const { scenario } = races.find((race) => race.name === name)!;
  const { violations } = runScenario(scenario, { kernel, arch, patches: [patch] });
  expect(violations.map((violation) => violation.why)).toEqual([why]);
  // A memslot is called by where it lies once, in its call; and what no longer exists mapped something.
  const rows: readonly LaneRow[] = laneRows(violations[0]!.race!);
  expect(rows.flatMap(({ texts }) => texts).filter((text) => text.includes("(gfn "))).toEqual([]);
  expect(rows.flatMap(({ changed }) => changed)).not.toContainEqual(
    expect.objectContaining({ before: "none", after: undefined }),
  );
});
