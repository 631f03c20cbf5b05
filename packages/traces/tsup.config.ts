import { defineConfig } from "tsup";

// `tsup --no-dts` writes the JavaScript, `tsup` the declarations, which take four times as long.
export default defineConfig({
  entry: ["src/index.ts"],
  format: "esm",
  platform: "neutral",
  target: "node20",
  clean: ["!**/*.d.ts"],
  keepNames: true,
  sourcemap: true,
  // TypeScript 6 refuses the baseUrl that tsup sets, unless told to ignore it.
  dts: { only: true, compilerOptions: { ignoreDeprecations: "6.0" } },
});
