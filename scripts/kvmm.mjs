// `npm run -s kvmm -- ARGS`: the built command, with nothing on stdout but what it writes itself.
import { pathToFileURL } from "node:url";
import { bootstrap } from "./bootstrap.mjs";
import { cliMain, ensureBuilt } from "./build.mjs";

bootstrap();
ensureBuilt();

// npm runs scripts at the workspace's root; file names given to the command are relative to where its user is.
if (process.env.npm_lifecycle_event === "kvmm" && process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);

process.argv[1] = cliMain;
await import(pathToFileURL(cliMain).href);
