// Looks at the built site: links and their anchors, requests to other hosts, weights. A problem fails the build.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { docs } from "../generate/workspace.js";
import { figureProblems } from "./drawn-figures.js";
import { linkProblems } from "./links.js";
import { pageWeight, weightProblems } from "./weights.js";

const dist = `${docs}.vitepress/dist`;
const base = process.env["KVMM_DOCS_BASE"] ?? "/kvmm/";
const pages = readdirSync(dist, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".html") && file !== "404.html")
  .map((file) => file.replaceAll("\\", "/"))
  .sort();

const how = {
  source: readFileSync(`${docs}pages/how/index.md`, "utf8"),
  html: readFileSync(`${dist}/how/index.html`, "utf8"),
};
const problems = [
  ...linkProblems(dist, base, pages),
  ...weightProblems(dist, base, pages),
  ...figureProblems("how/index.html", how.source, how.html),
];
for (const problem of problems) console.error(problem);
const weights = Object.fromEntries(
  pages.map((page) => {
    const { first, later } = pageWeight(dist, base, page);
    return [page, { first: Math.round(first / 1000), later: Math.round(later / 1000) }];
  }),
);
// The page about benchmarks shows it.
writeFileSync(`${dist}/weights.json`, JSON.stringify(weights));
const some = ["index.html", "how/index.html", "playground.html"].map(
  (page) => `${page} ${weights[page]?.first} kB, then ${weights[page]?.later} kB`,
);
console.log(`${pages.length} pages, ${problems.length} problems; ${some.join("; ")} (compressed)`);
if (problems.length > 0) process.exitCode = 1;
