import { nextTick, type Ref, watch } from "vue";

/** Scrolls the region, and nothing around it, so that what `selector` finds in it is to be seen after each change. */
export function keepInView(
  region: Readonly<Ref<HTMLElement | null>>,
  selector: string,
  changed: () => unknown,
): void {
  const show = async () => {
    await nextTick();
    const outer = region.value;
    const inner = outer?.querySelector(selector);
    if (!outer || !inner) return;
    const [within, row] = [outer.getBoundingClientRect(), inner.getBoundingClientRect()];
    const top = within.top + (outer.querySelector("thead")?.offsetHeight ?? 0);
    if (row.top < top) outer.scrollTop -= top - row.top;
    else if (row.bottom > within.bottom) outer.scrollTop += row.bottom - within.bottom;
  };
  watch(changed, show, { immediate: true, flush: "post" });
}
