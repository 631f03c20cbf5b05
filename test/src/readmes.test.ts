import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { afterAll, describe, expect, test, vi } from "vitest";

const packages = new URL("../../packages/", import.meta.url);
const scratch = new URL("../.readme/", import.meta.url);
const names = (await readdir(packages)).sort();

interface Example {
  readonly code: string;
  /** What the README says that it prints; null where it says nothing. */
  readonly prints: string | null;
}

/** The TypeScript blocks of a README that are whole programs, each with the text block that follows it directly. */
function examplesOf(readme: string): Example[] {
  const blocks = [...readme.matchAll(/```(\w*)\n([\s\S]*?)```/g)].map(([, language, body]) => ({
    language,
    body: body!,
  }));
  return blocks.flatMap(({ language, body }, index) => {
    if (language !== "ts" || !body.startsWith("import ")) return [];
    const next = blocks[index + 1];
    return [{ code: body, prints: next?.language === "text" ? next.body : null }];
  });
}

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.each(names)("the README of %s", (name) => {
  test("has examples that run, and print what it says", async () => {
    const examples = examplesOf(await readFile(new URL(`${name}/README.md`, packages), "utf8"));
    expect(examples.length).toBeGreaterThan(0);
    await mkdir(scratch, { recursive: true });
    for (const [index, { code, prints }] of examples.entries()) {
      const file = new URL(`${name}-${index}.ts`, scratch);
      await writeFile(file, code);
      const lines: string[] = [];
      const log = vi
        .spyOn(console, "log")
        .mockImplementation((...words) => void lines.push(words.map(String).join(" ")));
      await import(/* @vite-ignore */ file.href);
      log.mockRestore();
      if (prints !== null) expect(lines.join("\n").trimEnd()).toBe(prints.trimEnd());
    }
  });

  test("says what it is, when to use it, how to install it, its API and its limits", async () => {
    const readme = await readFile(new URL(`${name}/README.md`, packages), "utf8");
    const headings = [...readme.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!.toLowerCase());
    expect(headings[0]).toBe(`@kvmm/${name}`);
    const about = (word: string) => headings.some((heading) => heading.includes(word));
    for (const word of ["when", "install", "use", "api", "limits"]) expect(about(word), word).toBe(true);
  });
});
