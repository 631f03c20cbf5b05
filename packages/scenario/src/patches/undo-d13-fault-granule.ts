import { definePatch } from "./define-patch.js";

export const undoD13 = definePatch({
  name: "undo-7d894834a305",
  title: "Undo: KVM: arm64: Add usage of stage 2 fault lookup level in user_mem_abort()",
  origin: "the commit 7d894834a305 (2020), taken out",
  text:
    "user_mem_abort() relaxes on every permission fault that is not a logged write, also where a " +
    "block should take the place of pages: nothing becomes of the page that faulted, and the guest " +
    "faults for ever.",
  change: { arm64: (base) => ({ ...base, userPermissionFault: "by-logging" }) },
});
