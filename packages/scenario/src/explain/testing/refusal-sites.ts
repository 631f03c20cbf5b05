import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../../kvm-memslots/src/", import.meta.url));

/** `file:line` of each place in the sources of kvm-memslots that refuses something. */
export function refusalSites(): readonly string[] {
  const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/\.test\.ts$|^testing/.test(name))
    .sort();
  return files.flatMap((name) =>
    readFileSync(`${ROOT}${name}`, "utf8")
      .split("\n")
      .flatMap((line, at) => (/\brefuse\(/.test(line) ? [`${name}:${at + 1}`] : [])),
  );
}

/** The site from which refuse() was called, as `refusalSites` has it; undefined: it is not in kvm-memslots. */
export function callerOf(stack: string | undefined): string | undefined {
  const caller = stack?.split("\n")[2];
  const at = caller?.indexOf("/kvm-memslots/src/") ?? -1;
  return at < 0 ? undefined : /^([^:]+:\d+)/.exec(caller!.slice(at + "/kvm-memslots/src/".length))?.[1];
}
