import type { Command } from "commander";
import type { Context, ExitStatus } from "../context.js";

/** Adds a command to the program. `end` is told how it ended. */
export type AddCommand = (program: Command, context: Context, end: (status: ExitStatus) => void) => void;

/** Examples, as `--help` shows them at its end. */
export function examples(...lines: readonly (readonly [command: string, does: string])[]): string {
  return `\nExamples:\n${lines.map(([command, does]) => `  ${command}\n      ${does}`).join("\n")}\n`;
}
