import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

/** What is wrong with the links of the built pages: targets that are not there, and requests to other hosts. */
export function linkProblems(dist: string, base: string, pages: readonly string[]): readonly string[] {
  const problems: string[] = [];
  const anchors = new Map<string, ReadonlySet<string>>();
  const anchorsOf = (file: string) => {
    let own = anchors.get(file);
    if (own === undefined) {
      own = idsOf(readFileSync(join(dist, file), "utf8"));
      anchors.set(file, own);
    }
    return own;
  };
  for (const page of pages) {
    const html = readFileSync(join(dist, page), "utf8");
    for (const url of resourcesOf(html))
      if (/^(https?:)?\/\//.test(url)) problems.push(`${page}: asks another host for ${url}`);
    for (const href of linksOf(html)) {
      if (/^(https?:|mailto:)/.test(href)) continue;
      const target = targetOf(page, href, base);
      if (target === undefined) problems.push(`${page}: ${href} is outside of ${base}`);
      else if (!existsSync(join(dist, target.file)))
        problems.push(`${page}: ${href}: there is no ${target.file}`);
      else if (
        target.anchor !== "" &&
        target.file.endsWith(".html") &&
        !isState(target.anchor) &&
        !anchorsOf(target.file).has(target.anchor)
      )
        problems.push(`${page}: ${href}: ${target.file} has no ${target.anchor}`);
    }
  }
  return problems;
}

/** Links into the playground carry its state where others carry an anchor. */
function isState(anchor: string): boolean {
  return /^(example|s)=/.test(anchor);
}

function targetOf(page: string, href: string, base: string): { file: string; anchor: string } | undefined {
  const [path = "", anchor = ""] = href.split("#");
  const decoded = decodeURIComponent(anchor);
  if (path === "") return { file: page, anchor: decoded };
  const absolute = path.startsWith("/") ? path : posix.join(base, posix.dirname(page), path);
  if (!absolute.startsWith(base)) return undefined;
  const inside = absolute.slice(base.length);
  const file = inside === "" || inside.endsWith("/") ? `${inside}index.html` : inside;
  return { file: /\.\w+$/.test(file) ? file : `${file}.html`, anchor: decoded };
}

const linksOf = (html: string) =>
  [...html.matchAll(/<a\b[^>]*?\shref="([^"]*)"/g)].map(([, href]) => unescaped(href!));

const resourcesOf = (html: string) => [
  ...[...html.matchAll(/<(?:script|img|iframe|source)\b[^>]*?\ssrc="([^"]*)"/g)].map(([, src]) => src!),
  ...[...html.matchAll(/<link\b[^>]*?\shref="([^"]*)"/g)].map(([, href]) => href!),
];

const idsOf = (html: string) =>
  new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => unescaped(id!)));

function unescaped(text: string): string {
  return text.replaceAll("&amp;", "&").replaceAll("&quot;", '"').replaceAll("&#39;", "'");
}
