/** The compiler inlines the function on the right into the one on the left, and the kernel's tracer then names that. */
const inlinedInto: readonly (readonly [outer: string, inlined: string])[] = [
  ["change_protection", "change_pud_range"],
  ["do_wp_page", "wp_page_copy"],
  ["try_to_merge_one_page", "write_protect_page"],
  ["try_to_merge_one_page", "replace_page"],
  ["do_huge_pmd_wp_page", "do_huge_zero_wp_pmd"],
  ["walk_pud_range", "walk_pmd_range_locked"],
];

/** Whether two names of a notifier's site stand for one function: equal, or one inlined into the other. */
export function sameSite(a: string, b: string): boolean {
  if (a === b) return true;
  return inlinedInto.some(
    ([outer, inlined]) => (a === outer && b === inlined) || (b === outer && a === inlined),
  );
}

/** The other names of a site. */
export function aliasesOf(site: string): readonly string[] {
  const found: string[] = [];
  for (const [outer, inlined] of inlinedInto) {
    if (site === outer) found.push(inlined);
    if (site === inlined) found.push(outer);
  }
  return found;
}
