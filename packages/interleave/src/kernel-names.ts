/** Any function or method. */
type Named = (...args: never[]) => unknown;

/** What marks a name as given, in a stack. */
const MARK = "()";

/**
 * Gives functions the names by which counterexamples, and stacks, show them: those of the functions that they stand
 * for. To be called beside the functions; what they call without a name of its own is shown as a part of them.
 * @param functions the functions, or several, by their names
 */
export function nameFunctions(functions: Readonly<Record<string, Named | readonly Named[]>>): void {
  for (const [name, given] of Object.entries(functions)) {
    for (const one of typeof given === "function" ? [given] : given) give(one, name);
  }
}

/**
 * {@link nameFunctions}, for the methods of a class.
 * @throws TypeError if the class has no such method
 */
export function nameMethods<T>(
  type: { readonly prototype: T },
  methods: Readonly<Record<string, string & keyof T>>,
): void {
  for (const [name, method] of Object.entries(methods)) {
    const one = type.prototype[method];
    if (typeof one !== "function") throw new TypeError(`there is no method ${method} to be called ${name}`);
    give(one as Named, name);
  }
}

function give(one: Named, name: string): void {
  Object.defineProperty(one, "name", { value: `${name}${MARK}`, configurable: true });
}

/** The name that was given to a function, from its name in a stack; undefined if none was. */
export function givenName(inStack: string): string | undefined {
  return inStack.endsWith(MARK)
    ? inStack.slice(inStack.lastIndexOf(".") + 1, -MARK.length).replace(/^new /, "")
    : undefined;
}
