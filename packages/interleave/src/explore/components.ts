/** The strongly connected components that can be reached from some nodes (Tarjan 1972, without recursion). */
export function components(
  roots: Iterable<number>,
  next: (node: number) => Iterable<number>,
): readonly (readonly number[])[] {
  const found: number[][] = [];
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const stack: number[] = [];
  const onStack = new Set<number>();
  const work: [node: number, rest: Iterator<number>][] = [];
  const enter = (node: number): void => {
    low.set(node, index.size);
    index.set(node, index.size);
    stack.push(node);
    onStack.add(node);
    work.push([node, next(node)[Symbol.iterator]()]);
  };
  for (const root of roots) {
    if (!index.has(root)) enter(root);
    for (let top = work.at(-1); top !== undefined; top = work.at(-1)) {
      const [node, rest] = top;
      const { done, value: to } = rest.next();
      if (done !== true) {
        if (!index.has(to)) enter(to);
        else if (onStack.has(to)) low.set(node, Math.min(low.get(node)!, index.get(to)!));
        continue;
      }
      work.pop();
      const parent = work.at(-1)?.[0];
      if (parent !== undefined) low.set(parent, Math.min(low.get(parent)!, low.get(node)!));
      if (low.get(node) !== index.get(node)) continue;
      const component: number[] = [];
      for (let member = stack.pop()!; ; member = stack.pop()!) {
        onStack.delete(member);
        component.push(member);
        if (member === node) break;
      }
      found.push(component);
    }
  }
  return found;
}
