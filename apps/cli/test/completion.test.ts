import { describe, expect, test } from "vitest";
import { kvmm } from "./fake-context.js";

/** The words that complete a command line whose last word is empty or begun, and whether files do. */
async function complete(...words: readonly string[]) {
  const { status, stdout } = await kvmm(["complete", "--", ...words]);
  expect(status).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  return { words: lines.slice(0, -1).map((line) => line.split("\t")[0]), files: lines.at(-1) === ":0" };
}

describe("completion", () => {
  test("offers the commands, and not the one that the shell itself calls", async () => {
    const { words, files } = await complete("");
    expect(words).toEqual(expect.arrayContaining(["review", "run", "conform", "completion"]));
    expect(words).not.toContain("complete");
    expect(files).toBe(false);
  });

  test("offers the subcommands of a command", async () => {
    expect((await complete("spe", "de")).words).toEqual(["decode"]);
  });

  test("offers the options of a command, as far as they are typed", async () => {
    expect((await complete("run", "--ke")).words).toEqual(["--kernel"]);
  });

  test("offers the values of an option", async () => {
    expect(await complete("run", "--arch", "")).toEqual({ words: ["arm64", "x86"], files: false });
    expect((await complete("review", "--kernel", "")).words).toContain("7.3");
  });

  test("offers patches, and files, where a patch is wanted", async () => {
    const { words, files } = await complete("review", "gmem-ig");
    expect(words).toContain("gmem-ignore-notifiers-rfc");
    expect(files).toBe(true);
    expect((await complete("run", "race.yaml", "--patch", "gmem-ig")).words).toEqual(words);
  });

  test("offers built-in scenarios, and files, where one is run", async () => {
    const { words, files } = await complete("run", "--json", "pfncache-punch");
    expect(words).toContain("pfncache-punch@gmem");
    expect(files).toBe(true);
  });

  test("offers calls where one is explained, also after others", async () => {
    expect((await complete("explain", "mmap", "length=4p", "KVM_CREATE_GUEST")).words).toEqual([
      "KVM_CREATE_GUEST_MEMFD",
    ]);
  });

  test("offers files alone where nothing else is known", async () => {
    expect(await complete("conform", "")).toEqual({ words: [], files: true });
  });

  test("names the shells that it knows where it is given another", async () => {
    const { status, stderr } = await kvmm(["completion", "tcsh"]);
    expect(status).toBe(2);
    expect(stderr).toContain("bash, zsh, fish, powershell");
  });
});
