import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Application, LogLevel, type TypeDocOptions } from "typedoc";
import type { PluginOptions } from "typedoc-plugin-markdown";
import { docs, manifestOf, packageNames, root } from "./workspace.js";
import { writePage } from "./write.js";

/** The API of each package, one page each: made by TypeDoc from what its entry exports. */
export async function generateApi(): Promise<void> {
  // Inside of the application, so that its types are found.
  const out = mkdtempSync(join(docs, ".api-"));
  try {
    await writeMarkdown(out);
    for (const name of packageNames) {
      const { name: full } = manifestOf(name);
      const lines = [
        `# API of ${full}`,
        "",
        `What it is and how to use it: [${full}](/packages/${name}).`,
        "",
      ];
      const page = cleaned(readFileSync(join(out, `${name}.md`), "utf8"));
      writePage(`reference/api/${name}.md`, [...lines, page], ["outline: [2, 3]"]);
    }
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const entryOf = (name: string) => `${root}packages/${name}/src/index.ts`;

/** All packages at once: their types are read only once. */
async function writeMarkdown(out: string): Promise<void> {
  const files = packageNames.map(entryOf);
  const tsconfig = join(out, "tsconfig.json");
  writeFileSync(tsconfig, JSON.stringify({ extends: `${root}tsconfig.base.json`, files }));
  const options: TypeDocOptions & Partial<PluginOptions> = {
    entryPoints: files,
    tsconfig,
    plugin: ["typedoc-plugin-markdown"],
    outputFileStrategy: "modules",
    hidePageHeader: true,
    hidePageTitle: true,
    hideBreadcrumbs: true,
    useCodeBlocks: false,
    useHTMLAnchors: true,
    parametersFormat: "table",
    interfacePropertiesFormat: "table",
    classPropertiesFormat: "table",
    typeAliasPropertiesFormat: "table",
    enumMembersFormat: "table",
    expandObjects: false,
    excludePrivate: true,
    excludeProtected: true,
    excludeInternal: true,
    excludeExternals: true,
    disableSources: true,
    readme: "none",
    skipErrorChecking: true,
    // Other packages' types are mentioned, not linked: each package has its own page.
    validation: { notExported: false, invalidLink: false, rewrittenLink: false, notDocumented: false },
    logLevel: LogLevel.Error,
  };
  const app = await Application.bootstrapWithPlugins(options);
  const project = await app.convert();
  if (project === undefined) throw new Error("TypeDoc could not read the packages");
  // A module is named by its path: `scenario/src`.
  for (const module of project.children ?? []) module.name = module.name.replace(/\/src$/, "");
  await app.outputs.writeOutput({ name: "markdown", path: out }, project);
  if (app.logger.hasErrors()) throw new Error("TypeDoc failed");
}

/** VitePress reads Markdown with Vue templates in it: nothing here is one. */
function cleaned(markdown: string): string {
  return markdown
    .replace(/^# .*\n/m, "")
    .replaceAll("{{", "&#123;&#123;")
    .replaceAll(/\]\(([\w-]+)\.md#/g, "](/reference/api/$1#")
    .replaceAll(/\[([^\]]+)\]\((?!#|\/|https?:)[^)]*\)/g, "$1")
    .trim();
}
