// `node scripts/run.mjs TOOL ARGS`: a tool of the workspace, installed first if need be.
import { bootstrap, runTool } from "./bootstrap.mjs";

const [tool, ...args] = process.argv.slice(2);
if (tool === undefined) throw new Error("usage: node scripts/run.mjs TOOL ARGS");
bootstrap();
process.exitCode = runTool(tool, args);
