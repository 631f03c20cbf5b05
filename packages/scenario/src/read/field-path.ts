export type FieldPath = readonly (string | number)[];

/** `["steps", 3, "args", "length"]` as `steps[3].args.length`. */
export function fieldName(path: FieldPath): string {
  let name = "";
  for (const part of path) {
    if (typeof part === "number") name += `[${part}]`;
    else name += name === "" ? part : `.${part}`;
  }
  return name;
}
