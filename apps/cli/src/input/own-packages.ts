import * as nodeModule from "node:module";

interface ResolveContext {
  readonly parentURL?: string | undefined;
}
type Next<R> = (specifier: string, context?: ResolveContext) => R;

/** `registerHooks` is in newer Nodes only, and not in the types of the oldest that kvmm runs on. */
interface SyncHooks {
  registerHooks?(hooks: {
    resolve<R>(specifier: string, context: ResolveContext, next: Next<R>): R;
  }): unknown;
}

let isDone = false;

/**
 * Lets a module of the user's own import `@kvmm/scenario` and the packages below it wherever it lies: such names mean
 * the packages that this command itself runs with.
 */
export function offerOwnPackages(): void {
  if (isDone) return;
  isDone = true;
  const parents = { own: import.meta.url, below: import.meta.resolve("@kvmm/scenario") };
  const parentOf = (specifier: string) =>
    specifier.startsWith("@kvmm/scenario") ? parents.own : parents.below;
  const { registerHooks } = nodeModule as SyncHooks;
  if (registerHooks !== undefined) {
    registerHooks({
      resolve: (specifier, context, next) =>
        next(
          specifier,
          specifier.startsWith("@kvmm/") ? { ...context, parentURL: parentOf(specifier) } : context,
        ),
    });
    return;
  }
  // Older Nodes run the hook in a thread of its own, which takes it as a module.
  const hook = `
    const parents = ${JSON.stringify(parents)};
    export async function resolve(specifier, context, next) {
      if (!specifier.startsWith("@kvmm/")) return next(specifier, context);
      const parentURL = specifier.startsWith("@kvmm/scenario") ? parents.own : parents.below;
      return next(specifier, { ...context, parentURL });
    }`;
  nodeModule.register(`data:text/javascript,${encodeURIComponent(hook)}`);
}
