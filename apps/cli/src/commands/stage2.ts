import type { AddCommand } from "./command.js";
import { addStage2Decode } from "./stage2-decode.js";
import { addStage2Diff } from "./stage2-diff.js";
import { addStage2Dump } from "./stage2-dump.js";
import { addStage2Walk } from "./stage2-walk.js";

export const addStage2: AddCommand = (program, context, end) => {
  const stage2 = program
    .command("stage2")
    .summary("stage-2 tables: dump, diff, walk, decode")
    .description(
      "Reads the stage-2 page tables of a VM: those that a kernel has printed (/sys/kernel/debug/kvm/*/stage2_page_tables), or those that a scenario has made on the model.",
    );
  addStage2Dump(stage2, context, end);
  addStage2Diff(stage2, context, end);
  addStage2Walk(stage2, context, end);
  addStage2Decode(stage2, context, end);
};
