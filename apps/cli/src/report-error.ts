import { InputError, NotBuiltIn } from "@kvmm/scenario";
import { CommanderError } from "commander";
import type { Context, ExitStatus } from "./context.js";
import { UsageError } from "./usage-error.js";

/** Tells what went wrong in one message, and how the command ends. */
export function reportError(error: unknown, { stderr, env }: Pick<Context, "stderr" | "env">): ExitStatus {
  // Commander has written its message already, and throws for --help and --version as well.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof InputError || error instanceof UsageError || error instanceof NotBuiltIn) {
    stderr.write(`kvmm: ${error.message}\n`);
    if (isDebugging(env) && error.stack !== undefined) stderr.write(`${error.stack}\n`);
    return 2;
  }
  const message = error instanceof Error ? error.message : String(error);
  stderr.write(`kvmm: internal error: ${message.split("\n")[0]}\n`);
  if (isDebugging(env)) stderr.write(`${error instanceof Error ? error.stack : message}\n`);
  else
    stderr.write(
      "This is a bug in kvmm. With KVMM_DEBUG=1 it shows where; please report it with that and the input.\n",
    );
  return 2;
}

const isDebugging = (env: Context["env"]) =>
  env["KVMM_DEBUG"] !== undefined && env["KVMM_DEBUG"] !== "" && env["KVMM_DEBUG"] !== "0";
