import { expect, test } from "vitest";
import { kvmm } from "./fake-context.js";

const short = ["spe", "simulate", "--operations", "200000", "--interval", "50000"];

test("a table and a plot: guest_memfd loses records to NUMA balancing, and none with the RFC", async () => {
  const { status, stdout, stderr } = await kvmm(short, { columns: 120 });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(
    /\nguest_memfd-only\n.*\n.*\n {2}50000 {2,}\d+ {2,}3 {2,}\d+ {2,}3 {2,}0 {2,}48 {2,}16\/16\n/,
  );
  expect(stdout).toMatch(/\n {2}guest_memfd-only\n {4}50000 #+ \d+ \(\d+%\)\n/);
  expect(stdout).toContain("guest_memfd-only, gmem-ignore-notifiers-rfc: none at any interval");
  expect(stdout).toContain("anonymous, pin-on-enable: none at any interval");
  // What version 4 does not lose, it does not lose because its host has no NUMA balancing.
  expect(stdout).toContain("anonymous, lock-memslot (a host without numa-balancing)\n");
  expect(stdout).not.toContain("pin-on-enable (a host without");
  expect(stdout).toMatch(/Stage-2 faults of SPE's writes, by PMBSR_EL1: translation level 1 \(\d+\)\./);
});

test.each([60, 80, 120, 160])("fits in %i columns, and stays a table", async (columns) => {
  const args = ["spe", "simulate", "--operations", "200000", "--memory", "anon", "--policy", "none"];
  const { stdout } = await kvmm([...args, "--interval", "50000", "--interval", "100000"], { columns });
  const lines = stdout.split("\n");
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(columns);
  if (columns === 60) {
    expect(stdout).toMatch(/\n {2}interval +50000 +100000\n {2}written +\d+ +\d+\n/);
  } else expect(stdout).toMatch(/\n {2}interval +written .*\n.*\n {2}50000 +\d+ .*\n {2}100000 +\d+ /);
});

test("is one document with --json, with the seed, and the same each time", async () => {
  const args = [...short, "--json", "--seed", "9", "--patch", "gmem-ignore-notifiers-rfc"];
  const { stdout } = await kvmm(args);
  const document = JSON.parse(stdout);
  expect(document).toMatchObject({ arch: "arm64", seed: 9, activity: "numa-balancing", recovery: "touch" });
  expect(document.rows.map((row: { label: string }) => row.label)).toEqual([
    "anonymous",
    "anonymous, lock-memslot",
    "anonymous, pin-on-enable",
    "guest_memfd-only",
    "guest_memfd-only, gmem-ignore-notifiers-rfc",
    "guest_memfd-only, gmem-prefault",
    "guest_memfd-only, gmem-prefault, gmem-ignore-notifiers-rfc",
  ]);
  expect((await kvmm(args)).stdout).toBe(stdout);
});

test("--policy and --memory choose, and a pair that does not fit is one message", async () => {
  const chosen = ["--policy", "none", "--memory", "thp", "--activity", "dirty-logging", "--json"];
  const { stdout } = await kvmm([...short, ...chosen]);
  const { rows } = JSON.parse(stdout);
  expect(rows.map(({ label }: { label: string }) => label)).toEqual(["transparent huge page"]);
  expect(rows[0].runs[0].windowFaults).toBeGreaterThan(0);
  const { status, stderr } = await kvmm([...short, "--policy", "gmem-prefault", "--memory", "anon"]);
  expect(status).toBe(2);
  expect(stderr).toContain("no policy of gmem-prefault is about anon");
});

test("fits a narrow window", async () => {
  const { stdout } = await kvmm(short, { columns: 60 });
  expect(stdout.split("\n").filter((line) => /^ {4}\d+ #/.test(line) && line.length > 60)).toEqual([]);
});

test.each([
  [["--arch", "x86"], "kvmm: SPE is a part of arm64, not of x86\n"],
  [
    ["--operations", "0"],
    "kvmm: option '--operations <number>' argument '0' is invalid. it should be a whole number from 1 to 100000000.\n",
  ],
  [["--interval", "1"], "kvmm: 200000 operations with an activity every 1 are more than 10000 activities\n"],
])("a mistake is one message: %s", async (more, message) => {
  const { status, stdout, stderr } = await kvmm([...short, ...more]);
  expect({ status, stdout, stderr }).toEqual({ status: 2, stdout: "", stderr: message });
});
