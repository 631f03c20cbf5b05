#!/usr/bin/env node
import { once } from "node:events";
import { builtIn } from "@kvmm/scenario";
import type { Context, Sink } from "./context.js";
import { readEvidence } from "./input/evidence.js";
import { runProgram } from "./program.js";

// `kvmm ... | head` closes the pipe early: that ends the command, and is no error.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    throw error;
  });

const sink = (stream: NodeJS.WriteStream): Sink => ({
  write: (text) => {
    stream.write(text);
  },
  drained: async () => {
    if (stream.writableNeedDrain) await once(stream, "drain");
  },
  isTty: stream.isTTY === true,
  columns: stream.isTTY === true ? stream.columns : undefined,
});

const context: Context = {
  model: builtIn,
  stdout: sink(process.stdout),
  stderr: sink(process.stderr),
  env: process.env,
  stdin: () => process.stdin,
  readEvidence,
};

// Set, not exited with: what is still to be written has to reach a pipe first.
process.exitCode = await runProgram(process.argv.slice(2), context);
