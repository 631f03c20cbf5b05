// `npm start`: the main job on the patch that prompted this project.
import { spawnSync } from "node:child_process";
import { bootstrap } from "./bootstrap.mjs";
import { cliMain, ensureBuilt } from "./build.mjs";

bootstrap();
ensureBuilt();

const args = [cliMain, "review", "gmem-ignore-notifiers-rfc"];
const { status, error } = spawnSync(process.execPath, args, { stdio: "inherit" });
if (error) throw error;
// 1 is the verdict "breaks": the command did its job.
process.exitCode = status === 1 ? 0 : (status ?? 2);
