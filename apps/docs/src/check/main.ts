// Looks at the built site: links and their anchors, requests to other hosts, weights. A problem fails the build.
import { readdirSync } from "node:fs";
import { docs } from "../generate/workspace.js";
import { linkProblems } from "./links.js";
import { pageWeight, weightProblems } from "./weights.js";

const dist = `${docs}.vitepress/dist`;
const base = process.env["KVMM_DOCS_BASE"] ?? "/kvmm/";
const pages = readdirSync(dist, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".html") && file !== "404.html")
  .map((file) => file.replaceAll("\\", "/"))
  .sort();

const problems = [...linkProblems(dist, base, pages), ...weightProblems(dist, base, pages)];
for (const problem of problems) console.error(problem);
const weights = ["index.html", "how/index.html", "playground.html"].map(
  (page) => `${page} ${Math.round(pageWeight(dist, base, page) / 1000)} kB`,
);
console.log(`${pages.length} pages, ${problems.length} problems; ${weights.join(", ")} (compressed)`);
if (problems.length > 0) process.exitCode = 1;
