import type { DefaultTheme } from "vitepress";
import { recipes } from "../src/generate/recipes.js";
import { packageNames } from "../src/generate/workspace.js";

/** Every page of the site, once: a test holds it against the files. */
export const sidebar: DefaultTheme.SidebarItem[] = [
  {
    text: "Start",
    items: [
      { text: "Start here", link: "/" },
      { text: "How to read a verdict", link: "/verdicts" },
      { text: "How guest memory stays mapped", link: "/how/" },
      { text: "Playground", link: "/playground" },
      { text: "Glossary", link: "/glossary" },
    ],
  },
  {
    text: "Recipes",
    items: [
      { text: "All recipes", link: "/recipes/" },
      ...recipes.map(({ title, link }) => ({ text: title, link })),
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
  {
    text: "Packages",
    items: packageNames.map((name) => ({ text: `@kvmm/${name}`, link: `/packages/${name}` })),
  },
  {
    text: "API",
    items: packageNames.map((name) => ({ text: name, link: `/reference/api/${name}` })),
  },
];
