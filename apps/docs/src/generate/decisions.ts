import { readFileSync } from "node:fs";
import { kernels } from "@kvmm/scenario";
import { code, plain, table } from "./markdown.js";
import { root } from "./workspace.js";

/** Where each part of the model declares what kernels differ in. */
const sources = {
  mm: "packages/mm-core/src/behaviour.ts",
  kvm: "packages/kvm-memslots/src/behaviour.ts",
  arm64: "packages/arm64-stage2/src/behaviour.ts",
} as const;

/** A table for each part of the model: the decision, what it is about, and how each kernel takes it. */
export function decisionLines(): readonly string[] {
  return (Object.keys(sources) as (keyof typeof sources)[]).flatMap((part) => {
    const about = commentsOf(readFileSync(`${root}${sources[part]}`, "utf8"));
    const rows = Object.keys(kernels[0]!.behaviour[part]).map((name) => {
      const comment = about.get(name);
      if (comment === undefined)
        throw new Error(`${sources[part]}: ${name} has no comment that says what it decides`);
      return [
        code(name),
        plain(comment),
        ...kernels.map(({ behaviour }) => value((behaviour[part] as unknown as Fields)[name])),
      ];
    });
    return [`### ${part}`, "", table(["decision", "about", ...kernels.map(({ name }) => name)], rows), ""];
  });
}

type Fields = Readonly<Record<string, unknown>>;

/** The comment above each `readonly` field of a source. */
export function commentsOf(source: string): ReadonlyMap<string, string> {
  const fields = source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*readonly (\w+):/g);
  return new Map(
    [...fields].map(([, comment, name]) => [name!, comment!.replaceAll(/\s*\n\s*\*\s*/g, " ").trim()]),
  );
}

function value(decision: unknown): string {
  return typeof decision === "function" ? "a function" : code(String(decision));
}
