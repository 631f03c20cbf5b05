import { defineConfig } from "vitest/config";

// Workspace packages are read from their TypeScript sources, so that tests need no build.
const conditions = ["@kvmm/source", "node", "import", "module", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    setupFiles: ["../../scripts/property-seed.mjs"],
    testTimeout: 60_000,
    server: { deps: { inline: [/^@kvmm\//] } },
  },
});
