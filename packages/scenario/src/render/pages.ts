import type { PageList } from "../format/page-list.js";
import { countPages, toPageList, toPageSet } from "../format/page-list.js";

/** `page 4`, `pages 4-7, 12`, `pages 0-14 by 2`: with both ends included, as people count. */
export function renderPages(pages: PageList): string {
  const set = toPageSet(pages);
  if (set.length === 0) return "no page";
  const most = 8;
  const ranges = toPageList(set).map(([first, end, step = 1]) => {
    if (end - first === 1) return `${first}`;
    return step === 1 ? `${first}-${end - 1}` : `${first}-${end - 1} by ${step}`;
  });
  const shown = ranges.length > most ? [...ranges.slice(0, most), `... (${countPages(set)} in all)`] : ranges;
  return `${countPages(set) === 1 ? "page" : "pages"} ${shown.join(", ")}`;
}
