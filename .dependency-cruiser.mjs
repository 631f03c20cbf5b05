// The package boundaries. Each package may import what stands in its list, through the other
// package's public entry only; a package that stands in no list imports none of the others.
const mayImport = {
  interleave: [],
  "mm-core": ["interleave"],
  "kvm-memslots": ["mm-core", "interleave"],
  "arm64-stage2": ["kvm-memslots", "mm-core", "interleave"],
  "spe-model": [],
  scenario: ["arm64-stage2", "spe-model", "kvm-memslots", "mm-core", "interleave"],
  traces: [],
};

const downwards = Object.entries(mayImport).map(([name, allowed]) => ({
  name: `${name}-imports-only-downwards`,
  comment: `packages/${name} may import ${allowed.join(", ") || "no other package"}`,
  severity: "error",
  from: { path: `^packages/${name}/` },
  to: {
    path: "^(packages|apps|bench|lab|test|scripts)/",
    pathNot: `^packages/(${[name, ...allowed].join("|")})/`,
  },
}));

export default {
  forbidden: [
    ...downwards,
    {
      name: "package-without-a-place",
      comment: "A new package needs its line in .dependency-cruiser.mjs before it imports another",
      severity: "error",
      from: { path: "^packages/([^/]+)/", pathNot: `^packages/(${Object.keys(mayImport).join("|")})/` },
      to: { path: "^(packages|apps|bench|lab|test|scripts)/", pathNot: "^packages/$1/" },
    },
    {
      name: "nothing-imports-an-application",
      severity: "error",
      from: { path: "^((?:packages|apps)/[^/]+|bench|lab)/" },
      to: { path: "^(apps/[^/]+|bench|lab|test|scripts)/", pathNot: "^$1/" },
    },
    {
      name: "public-entry-only",
      comment: "Another package is imported by its name alone: @kvmm/mm-core, never a file inside it",
      severity: "error",
      from: { path: "^((?:packages|apps)/[^/]+|bench|lab)/" },
      to: { path: "^packages/", pathNot: ["^$1/", "^packages/[^/]+/src/index\\.ts$"] },
    },
    {
      name: "no-relative-import-of-another-package",
      severity: "error",
      from: { path: "^((?:packages|apps)/[^/]+|bench|lab)/" },
      to: { dependencyTypes: ["local"], pathNot: "^$1/" },
    },
    {
      name: "resolvable",
      comment:
        "Imports a file or package that does not exist, is not exported, or is not among its dependencies",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "no-platform-in-packages",
      comment: "The packages run in a browser as well: no Node built-in outside their tests and benchmarks",
      severity: "error",
      from: { path: "^packages/[^/]+/src/", pathNot: "\\.(test|bench)\\.ts$" },
      to: { dependencyTypes: ["core"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(dist|node_modules/\\.cache)/|\\.config\\.ts$" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@kvmm/source", "import", "types", "node", "default"],
      extensions: [".ts", ".js", ".mjs", ".json", ".d.ts"],
    },
  },
};
