import { GmemInode, type Memslot } from "@kvmm/kvm-memslots";
import { hex, PAGE_SIZE, type VmaFields, VmFlag } from "@kvmm/mm-core";

/** What one might not expect of memslots of one address space, in words: by slot, those of two slots last. */
export function notesOf(slots: readonly Memslot[], vmas: readonly VmaFields[]): readonly string[] {
  const own = slots.flatMap((slot) =>
    [readOnly, unmapped, notWritable, notItsGuestMemfd, privateGuestMemfd, noBlocks]
      .map((note) => note(slot, mappingsOf(slot, vmas)))
      .filter((note) => note !== undefined)
      .map((note) => `slot ${slot.slotId}: ${note}`),
  );
  return [...own, ...sharing(slots)];
}

/** The mappings that a memslot's user addresses meet, in order. */
export function mappingsOf(slot: Memslot, vmas: readonly VmaFields[]): readonly VmaFields[] {
  return vmas.filter(({ start, end }) => start < slot.userspaceEnd && end > slot.userspaceAddr);
}

type Note = (slot: Memslot, mappings: readonly VmaFields[]) => string | undefined;

const readOnly: Note = (slot) =>
  slot.isReadonly ? "a write of the guest exits as KVM_EXIT_MMIO" : undefined;

/** hva_to_pfn(): what is not mapped cannot be faulted in. */
const unmapped: Note = (slot, mappings) => {
  if (slot.isGmemOnly) return undefined;
  let at = slot.userspaceAddr;
  for (const { start, end } of mappings) {
    if (start > at) break;
    at = Math.max(at, end);
  }
  if (at >= slot.userspaceEnd) return undefined;
  return `nothing is mapped at ${hex(at)}; a guest that comes there makes KVM_RUN fail with EFAULT`;
};

const notWritable: Note = (slot, mappings) => {
  if (slot.isGmemOnly || slot.isReadonly) return undefined;
  const found = mappings.find(({ flags }) => (flags & VmFlag.write) === 0);
  if (found === undefined) return undefined;
  const at = hex(Math.max(found.start, slot.userspaceAddr));
  return `what is mapped at ${at} is not writable; a guest that writes there makes KVM_RUN fail with EFAULT`;
};

/** What the VMM reads and writes at userspace_addr, and what KVM itself does, is other memory than the guest's. */
const notItsGuestMemfd: Note = (slot, mappings) => {
  const file = slot.gmemFile.peek();
  if (!slot.isGmemOnly || file === null) return undefined;
  const other = mappings.find(({ file: mapped, start, pgoff }) => {
    const page = (slot.userspaceAddr - start) / PAGE_SIZE;
    return mapped?.inode !== file.inode || pgoff + page !== slot.gmemPgoff;
  });
  if (other === undefined) return undefined;
  return (
    `userspace_addr maps other memory than the guest has from the guest_memfd (at ` +
    `${hex(Math.max(other.start, slot.userspaceAddr))}): the VMM does not see what the guest writes there`
  );
};

/** kvm_gmem_fault_user_mapping() */
const privateGuestMemfd: Note = (slot, mappings) => {
  const inode = slot.gmemFile.peek()?.inode;
  if (!(inode instanceof GmemInode) || inode.isInitShared) return undefined;
  if (!mappings.some(({ file }) => file?.inode === inode)) return undefined;
  return "its guest_memfd is mapped, but was made without GUEST_MEMFD_FLAG_INIT_SHARED: the VMM gets SIGBUS there";
};

const BLOCK = 2 * 1024 * 1024;

/** fault_supports_stage2_huge_mapping() on arm64, kvm_alloc_memslot_metadata() on x86 */
const noBlocks: Note = (slot) => {
  const gpa = slot.baseGfn * PAGE_SIZE;
  const begin = Math.ceil(gpa / BLOCK) * BLOCK;
  if (slot.isGmemOnly || begin + BLOCK > slot.endGfn * PAGE_SIZE) return undefined;
  if (gpa % BLOCK === slot.userspaceAddr % BLOCK) return undefined;
  return (
    `guest_phys_addr and userspace_addr differ in their offset into 2 MiB (${hex(gpa % BLOCK)} and ` +
    `${hex(slot.userspaceAddr % BLOCK)}), so that huge pages are mapped page by page`
  );
};

/** Slots that have user memory in common, each with the one before it that reaches farthest. */
function sharing(slots: readonly Memslot[]): readonly string[] {
  const notes: string[] = [];
  let farthest: Memslot | undefined;
  for (const slot of [...slots].sort((a, b) => a.userspaceAddr - b.userspaceAddr || a.baseGfn - b.baseGfn)) {
    if (farthest !== undefined && slot.userspaceAddr < farthest.userspaceEnd) {
      const [first, second] = farthest.baseGfn < slot.baseGfn ? [farthest, slot] : [slot, farthest];
      notes.push(
        `slots ${first.slotId} and ${second.slotId} share user memory: an invalidation of it reaches both`,
      );
    }
    if (farthest === undefined || slot.userspaceEnd > farthest.userspaceEnd) farthest = slot;
  }
  return notes;
}
