// The workspace's packages.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const groups = ["packages", "apps"];
const singles = ["bench", "test"];

/** Every package of the workspace at `root`: its directory and its package.json. */
export function workspacePackages(root) {
  const grouped = groups.flatMap((group) => {
    const directory = join(root, group);
    return existsSync(directory)
      ? readdirSync(directory)
          .sort()
          .map((name) => join(group, name))
      : [];
  });
  return [...grouped, ...singles]
    .filter((directory) => existsSync(join(root, directory, "package.json")))
    .map((directory) => ({
      directory,
      manifest: JSON.parse(readFileSync(join(root, directory, "package.json"), "utf8")),
    }));
}
