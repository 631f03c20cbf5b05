import { definePatch } from "./define-patch.js";

export const undoMteCopyWhileLogging = definePatch({
  name: "undo-e0b7de4fd18c",
  title: "Undo: KVM: arm64: Disallow copying MTE to guest memory while KVM is dirty logging",
  origin: "the commit e0b7de4fd18c (2024), taken out",
  text: "KVM_ARM_MTE_COPY_TAGS writes tags of guest memory while a memslot is logged, and leaves no mark in the log.",
  change: { kvm: (base) => ({ ...base, mteCopyWhileLogging: "copy" }) },
});
