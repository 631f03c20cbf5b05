import type { DefaultTheme } from "vitepress";
import { packageNames } from "../src/generate/workspace.js";

const packagePages = packageNames.map((name) => ({ text: `@kvmm/${name}`, link: `/packages/${name}` }));
const apiPages = packageNames.map((name) => ({ text: name, link: `/reference/api/${name}` }));

/** Every page of the site, once: a test holds it against the files. */
export const sidebar: DefaultTheme.SidebarItem[] = [
  {
    text: "Start",
    items: [
      { text: "Start here", link: "/" },
      { text: "How to read a verdict", link: "/verdicts" },
      { text: "How guest memory stays mapped", link: "/how/" },
      { text: "Playground", link: "/playground" },
    ],
  },
  {
    text: "Recipes",
    items: [
      { text: "All recipes", link: "/recipes/" },
      { text: "Review your own patch", link: "/recipes/review-a-patch" },
      { text: "Explain an EINVAL", link: "/recipes/explain-einval" },
      { text: "Check a memory layout", link: "/recipes/memory-layout" },
      { text: "Decode SPE", link: "/recipes/decode-spe" },
      { text: "Add a recording", link: "/recipes/add-a-recording" },
      { text: "Use a package alone", link: "/recipes/use-a-package" },
    ],
  },
  {
    text: "What it stands on",
    items: [
      { text: "Findings", link: "/findings" },
      { text: "Fidelity", link: "/fidelity" },
      { text: "Caveats", link: "/caveats" },
      { text: "Benchmarks", link: "/benchmarks" },
    ],
  },
  {
    text: "Reference",
    items: [
      { text: "Overview", link: "/reference/" },
      { text: "Commands", link: "/reference/commands" },
      { text: "Scenario format", link: "/reference/scenario" },
      { text: "Calls", link: "/reference/calls" },
      { text: "Patches and kernels", link: "/reference/patches" },
      { text: "Built-in scenarios", link: "/reference/scenarios" },
    ],
  },
  { text: "Packages", items: packagePages },
  { text: "API", items: apiPages },
];
