import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { countTests, removeReports } from "../../scripts/count-tests.mjs";

let workspace: string;

beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "kvmm-count-"));
});

afterEach(() => {
  rmSync(workspace, { recursive: true, force: true });
});

function write(path: string, content: unknown): void {
  const file = join(workspace, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(content));
}

function addPackage(name: string, report?: object): void {
  write(`packages/${name}/package.json`, { name, scripts: { test: "vitest" } });
  if (report) write(`packages/${name}/.reports/vitest.json`, report);
}

function report(numPassedTests: number, numFailedTests: number, more: object = {}): object {
  const success = numFailedTests === 0;
  return {
    success,
    numPassedTests,
    numFailedTests,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [],
    ...more,
  };
}

test("tests are summed over the packages that have any", () => {
  addPackage("a", report(3, 0, { numPendingTests: 1 }));
  addPackage("b", report(4, 2));
  write("packages/c/package.json", { name: "c" });
  expect(countTests(workspace)).toMatchObject({ passed: 7, failed: 2, skipped: 1 });
});

test("a package whose tests left no report counts as a failure", () => {
  addPackage("a", report(3, 0));
  addPackage("b");
  expect(countTests(workspace)).toMatchObject({ passed: 3, failed: 1 });
});

test("a package in which no test ran counts as a failure", () => {
  addPackage("a", report(3, 0));
  addPackage("b", report(0, 0));
  expect(countTests(workspace)).toMatchObject({ passed: 3, failed: 1 });
});

test("a test file that could not be loaded counts as a failure", () => {
  const testResults = [{ status: "failed", assertionResults: [] }];
  addPackage("a", report(3, 0, { success: false, testResults }));
  expect(countTests(workspace)).toMatchObject({ passed: 3, failed: 1 });
});

test("a run that failed outside its tests counts as a failure", () => {
  addPackage("a", report(3, 0, { success: false }));
  expect(countTests(workspace)).toMatchObject({ passed: 3, failed: 1 });
});

test("a workspace without tests has failed", () => {
  expect(countTests(workspace)).toMatchObject({ passed: 0, failed: 1 });
});

test("reports of an earlier run are not counted", () => {
  addPackage("a", report(3, 0));
  removeReports(workspace);
  expect(countTests(workspace)).toMatchObject({ passed: 0, failed: 1 });
});
