import { gmemOnlySlotsInHvaRange } from "@kvmm/kvm-memslots";
import { definePatch } from "./define-patch.js";

/** The patch that prompted kvmm. */
export const gmemIgnoreNotifiersRfc = definePatch({
  name: "gmem-ignore-notifiers-rfc",
  title: "KVM: Ignore MMU notifiers for guest_memfd-only memslots",
  origin: "RFC by Alexandru Elisei, linux-arm-kernel, 15 June 2026",
  text:
    "kvm_handle_hva_range() goes on to the next memslot, before anything is locked or counted, where a slot's memory " +
    "comes only from its guest_memfd: neither invalidations nor ageing of the user mapping reach its stage 2.",
  change: { kvm: gmemOnlySlotsInHvaRange("ignore") },
});
