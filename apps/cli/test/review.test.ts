import { builtIn } from "@kvmm/scenario";
import { describe, expect, test } from "vitest";
import { kvmm } from "./fake-context.js";

const rfc = ["review", "gmem-ignore-notifiers-rfc"];
const model = {
  ...builtIn,
  review: (patch, options) => builtIn.review(patch, { ...options, races: false }),
} as typeof builtIn;

describe("the review of the RFC", () => {
  test("tells what changes for guest_memfd-only slots, that ordinary ones stay, and when NUMA balancing reaches them", async () => {
    const { status, stdout, stderr } = await kvmm(rfc, { model, columns: 110 });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/munmap {2,}16 -> 0 {2,}16 -> 0/);
    expect(stdout).toContain("Ordinary slots: nothing changes");
    expect(stdout).toContain("Hole punch still zaps stage 2");
    expect(stdout).toMatch(/\n {2}none {2,}yes {2,}16 -> 0\n/);
    expect(stdout).toMatch(/mbind MPOL_BIND 0 {2,}no {2,}0\n/);
    expect(stdout).toContain("it is not the diff");
    expect(stdout.replaceAll("\n", " ")).toContain("unless user space asks for it? In the model it does:");
    expect(stdout.trimEnd().split("\n\n").at(-1)).toMatch(
      /^holds: nothing that held without it breaks on 7\.2 arm64/,
    );
    expect(status).toBe(0);
  });

  test("has one table of SPE for the kernels on which it is the same, which fits 80 columns", async () => {
    const { stdout } = await kvmm([...rfc, "--arch", "arm64"], { model, columns: 80 });
    const [, table] = stdout.split("\nOn 7.2 and 7.3, arm64\n");
    const rows = table!.split("\n\n")[0]!.split("\n").slice(2);
    expect(rows).toHaveLength(5);
    expect(rows[0]).toMatch(/^ {2}guest_memfd {2,}\d+ {2,}3 {2,}\d+ {2,}3 {2,}48$/);
    expect(rows[1]).toMatch(/^ {2}guest_memfd, patched {2,}\d+ {2,}0 {2,}0 {2,}0 {2,}0$/);
    expect(stdout.match(/^ {2}guest_memfd, patched /gm)).toHaveLength(1);
  });

  test("fits a narrow window", async () => {
    const { stdout } = await kvmm(rfc, { model, columns: 60 });
    const tooLong = stdout.split("\n").filter((line) => line.length > 60);
    expect(tooLong).toEqual([]);
  });

  test("is one document with --json, with its verdict and what it does not cover", async () => {
    const { stdout } = await kvmm([...rfc, "--json"], { model });
    const document = JSON.parse(stdout);
    expect(document.verdict).toBe("holds");
    expect(document.notCovered.length).toBeGreaterThan(0);
    expect(document.parts[0].rows.length).toBeGreaterThan(50);
  });
});

test("a patch that trips the kernel's own warning ends with 1, and names the warning", async () => {
  const { status, stdout } = await kvmm(["review", "gmem-skip-handler"], { model });
  expect(status).toBe(1);
  expect(stdout).toContain("WARNING in kvm_mmu_invalidate_end");
  expect(stdout).toMatch(/\nbreaks: /);
});

test("an unknown patch is told with the nearest name, and ends with 2", async () => {
  const { status, stdout, stderr } = await kvmm(["review", "gmem-ignore-notifier-rfc"], { model });
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain("gmem-ignore-notifiers-rfc");
});
