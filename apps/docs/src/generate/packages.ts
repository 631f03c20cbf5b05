import { existsSync, readFileSync } from "node:fs";
import { manifestOf, packageNames, root } from "./workspace.js";
import { writePage } from "./write.js";

/** A page for each package: its README, which its tests keep true. */
export function generatePackages(): void {
  for (const name of packageNames) writePage(`packages/${name}.md`, pageOf(name));
}

function pageOf(name: string): readonly string[] {
  const { name: full, description, version } = manifestOf(name);
  const readme = `${root}packages/${name}/README.md`;
  const body = existsSync(readme) ? bodyOf(readFileSync(readme, "utf8"), name) : bareBody(full, description);
  return [
    `# ${full}`,
    "",
    `Version ${version}. Its types and functions: [API](/reference/api/${name}).`,
    "",
    body,
  ];
}

function bodyOf(readme: string, name: string): string {
  return readme
    .replace(/^# .*\n/, "")
    .replace(
      /\]\((?!https?:|#|\/)([^)]+)\)/g,
      (_, path: string) => `](${sourceLink(`packages/${name}/${path}`)})`,
    )
    .trim();
}

/** Files of the repository are not part of the site. */
function sourceLink(path: string): string {
  const steps: string[] = [];
  for (const step of path.split("/")) {
    if (step === "..") steps.pop();
    else if (step !== ".") steps.push(step);
  }
  const own = /^packages\/([\w-]+)\/?$/.exec(steps.join("/"));
  if (own !== null) return `/packages/${own[1]}`;
  return `/reference/#files`;
}

function bareBody(full: string, description: string): string {
  return `${description}\n\n## Install\n\n\`\`\`sh\nnpm install ${full}\n\`\`\`\n\n## Stability\n\n0.x: names and results may change with any minor version.`;
}
