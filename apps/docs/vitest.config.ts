import { defineConfig } from "vitest/config";

// Workspace packages are read from their TypeScript sources, so that tests need no build.
const conditions = ["@kvmm/source", "node", "import", "module", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // The walks in e2e need the built site, and Chromium: without it they are skipped.
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "e2e/**/*.test.ts"],
    setupFiles: ["../../scripts/property-seed.mjs"],
    server: { deps: { inline: [/^@kvmm\//] } },
    // Browsers and commands are processes of their own: more of them at once only wait for each other.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
