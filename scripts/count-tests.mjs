// Sums the test reports that each package's vitest wrote.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { workspacePackages } from "./workspace.mjs";

const reportIn = (root, directory) => join(root, directory, ".reports/vitest.json");

function testedPackages(root) {
  return workspacePackages(root).filter(({ manifest }) => manifest.scripts?.test !== undefined);
}

/** Removes the reports of earlier runs, so that only this run's are counted. */
export function removeReports(root) {
  for (const { directory } of testedPackages(root)) rmSync(reportIn(root, directory), { force: true });
}

/** A package without a report, and a test file that did not get as far as a test, count as one failure each. */
function countReport(file) {
  if (!existsSync(file))
    return { passed: 0, failed: 1, skipped: 0, problem: "no report: its tests did not run" };
  const report = JSON.parse(readFileSync(file, "utf8"));
  const broken = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((assertion) => assertion.status === "failed"),
  );
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + broken.length;
  const skipped = report.numPendingTests + report.numTodoTests;
  if (passed + failed === 0) return { passed, failed: 1, skipped, problem: "no test ran" };
  if (!report.success && failed === 0)
    return { passed, failed: 1, skipped, problem: "the run failed outside its tests" };
  return { passed, failed, skipped };
}

/** Passed, failed and skipped tests over all packages that have a test script, and a line for each package. */
export function countTests(root) {
  const total = { passed: 0, failed: 0, skipped: 0, lines: [] };
  for (const { directory, manifest } of testedPackages(root)) {
    const { passed, failed, skipped, problem } = countReport(reportIn(root, directory));
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
    const note = problem === undefined ? "" : ` (${problem})`;
    total.lines.push(`${manifest.name}: ${passed} passed, ${failed} failed, ${skipped} skipped${note}`);
  }
  if (total.passed + total.failed === 0) total.failed = 1;
  return total;
}
