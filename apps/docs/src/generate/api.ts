import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Application, LogLevel, type TypeDocOptions } from "typedoc";
import type { PluginOptions } from "typedoc-plugin-markdown";
import { manifestOf, packageNames, root } from "./workspace.js";
import { writePage } from "./write.js";

/** The API of each package, one page each: made by TypeDoc from what its entry exports. */
export async function generateApi(): Promise<void> {
  for (const name of packageNames) {
    const { name: full } = manifestOf(name);
    const lines = [`# API of ${full}`, "", `What it is and how to use it: [${full}](/packages/${name}).`, ""];
    writePage(`reference/api/${name}.md`, [...lines, await apiOf(name)], ["outline: [2, 3]"]);
  }
}

async function apiOf(name: string): Promise<string> {
  const directory = `${root}packages/${name}`;
  const out = mkdtempSync(join(tmpdir(), "kvmm-api-"));
  const options: TypeDocOptions & Partial<PluginOptions> = {
    entryPoints: [`${directory}/src/index.ts`],
    tsconfig: `${directory}/tsconfig.json`,
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
  try {
    const app = await Application.bootstrapWithPlugins(options);
    const project = await app.convert();
    if (project === undefined) throw new Error(`TypeDoc could not read ${name}`);
    await app.outputs.writeOutput({ name: "markdown", path: out }, project);
    if (app.logger.hasErrors()) throw new Error(`TypeDoc failed on ${name}`);
    const [page, ...others] = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".md"),
    );
    if (page === undefined || others.length > 0)
      throw new Error(`TypeDoc made ${others.length + 1} pages of ${name}`);
    return cleaned(readFileSync(join(out, page), "utf8"));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** VitePress reads Markdown with Vue templates in it: nothing here is one. */
function cleaned(markdown: string): string {
  return markdown
    .replace(/^# .*\n/m, "")
    .replaceAll("{{", "&#123;&#123;")
    .replaceAll(/\]\(README\.md#/g, "](#")
    .replaceAll(/\[([^\]]+)\]\((?!#|https?:)[^)]*\)/g, "$1")
    .trim();
}
