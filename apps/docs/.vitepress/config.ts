import { type DefaultTheme, defineConfig } from "vitepress";
import { sidebar } from "./sidebar.js";
import { tableCards } from "./table-cards.js";

/** Where the site stands on its host: `/` or `/kvmm/`. */
const base = process.env["KVMM_DOCS_BASE"] ?? "/kvmm/";

/** What search finds of a page: of an API only its headings, which are the names. */
const searchable: NonNullable<DefaultTheme.LocalSearchOptions["_render"]> = (source, env, markdown) => {
  if (env.frontmatter?.["search"] === false) return "";
  const isApi = env.relativePath.startsWith("reference/api/");
  return markdown.render(isApi ? headingsOf(source) : source, env);
};

const headingsOf = (source: string) => (source.match(/^#{1,3} .*$/gm) ?? []).join("\n\n");

// Workspace packages are bundled from their TypeScript sources, as their tests read them.
const conditions = ["@kvmm/source"];

/** Pages of code and tables take the place of the outline; the long lists of names need it. */
const hasOutline = (page: string) => /^reference\/(api\/|calls)/.test(page);

export default defineConfig({
  title: "kvmm",
  titleTemplate: ":title · kvmm",
  description:
    "What the host does to a guest's memory under Linux KVM on arm64, when, and what can go wrong.",
  lang: "en",
  base,
  srcDir: "pages",
  outDir: ".vitepress/dist",
  cleanUrls: false,
  transformPageData: ({ relativePath, frontmatter }) =>
    hasOutline(relativePath) || frontmatter["layout"] === "page"
      ? undefined
      : { frontmatter: { ...frontmatter, aside: false, pageClass: "wide" } },
  metaChunk: true,
  head: [
    ["link", { rel: "icon", type: "image/svg+xml", href: `${base}icon.svg` }],
    ["meta", { name: "theme-color", content: "#1b5e8a" }],
  ],
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    config: tableCards,
  },
  themeConfig: {
    search: { provider: "local", options: { detailedView: true, _render: searchable } },
    nav: [
      { text: "Start", link: "/" },
      { text: "How it works", link: "/how/" },
      { text: "Playground", link: "/playground" },
      { text: "Recipes", link: "/recipes/" },
      { text: "Reference", link: "/reference/" },
      { text: "Findings", link: "/findings" },
    ],
    sidebar,
    outline: { level: [2, 3] },
    docFooter: { prev: "Before", next: "Next" },
    footer: { message: "Apache-2.0. Everything on this site runs in the page; no request leaves it." },
  },
  vite: {
    publicDir: "../public",
    resolve: { conditions },
    ssr: { resolve: { conditions }, noExternal: [/^@kvmm\//] },
    worker: { format: "es" },
    optimizeDeps: { exclude: ["@kvmm/scenario"] },
    build: {
      chunkSizeWarningLimit: 2000,
      target: "es2022",
      rollupOptions: {
        // zod has comments where Rollup does not expect them; nothing follows from that.
        onwarn: (warning, warn) => (warning.code === "INVALID_ANNOTATION" ? undefined : warn(warning)),
      },
    },
  },
});
