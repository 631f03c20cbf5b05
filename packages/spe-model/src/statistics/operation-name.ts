import { decodeOperation } from "../operation/decode-operation.js";

/** A short name for an operation's kind: `load`, `store atomic`, `branch call` and so on. */
export function operationName(classBits: number, payload: number): string {
  const operation = decodeOperation(classBits, payload);
  switch (operation.class) {
    case "unknown":
      return "unknown";
    case "other":
      return operation.subclass === "other"
        ? operation.conditional
          ? "other conditional"
          : "other"
        : operation.subclass;
    case "branch": {
      const kind =
        operation.callReturn === "unknown" || operation.callReturn === "neither"
          ? ""
          : ` ${operation.callReturn}`;
      return `branch${operation.conditional ? " conditional" : ""}${operation.indirect ? " indirect" : ""}${kind}`;
    }
    case "memory": {
      const first = operation.store ? "store" : "load";
      if (operation.subclass === "general") return first;
      if (operation.subclass !== "extended") return `${first} ${operation.subclass}`;
      if (operation.atomic) return `${first} atomic`;
      return `${first} ${operation.exclusive ? "exclusive" : "acquire-release"}`;
    }
  }
}

/** The names of all 1024 classes and payloads, index class * 256 + payload. */
export const OPERATION_NAMES: readonly string[] = Array.from({ length: 1024 }, (_, n) =>
  operationName(n >> 8, n & 0xff),
);
