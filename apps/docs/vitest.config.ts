import { defineConfig } from "vitest/config";

// Workspace packages are read from their TypeScript sources, so that tests need no build.
const conditions = ["@kvmm/source", "node", "import", "module", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // The walks through the built site need a browser: `npm run docs:e2e, in apps/docs`.
    include: process.env["KVMM_E2E"] ? ["e2e/**/*.test.ts"] : ["src/**/*.test.ts", "test/**/*.test.ts"],
    server: { deps: { inline: [/^@kvmm\//] } },
    // The walks through the site share one browser and one server.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
