// `npm test`: every test of every package; ends with the line `N passed, N failed`.
import { availableParallelism } from "node:os";
import { bootstrap, root, runTool } from "./bootstrap.mjs";
import { countTests, removeReports } from "./count-tests.mjs";

bootstrap();
removeReports(root);
const status = runTool("turbo", [
  "run",
  "test",
  "--continue=dependencies-successful",
  "--output-logs=new-only",
  `--concurrency=${availableParallelism()}`,
  ...process.argv.slice(2),
]);

const total = countTests(root);
for (const line of total.lines) console.log(line);
if (status !== 0 && total.failed === 0) {
  console.log(`a test run ended with status ${status}, though no test failed`);
  total.failed = 1;
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
