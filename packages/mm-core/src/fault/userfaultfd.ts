import { NotModelled } from "../not-modelled.js";
import { type Pte, PteFlag, pteChange, pteHas } from "../pte.js";
import { isWpAsync, UffdFeature, Userfaultfd } from "../userfaultfd/context.js";
import { isAnonymous, VmFlag } from "../vma.js";
import type { Fault, FaultError, PteFault } from "./fault.js";

/**
 * handle_userfault(), where a page is missing that a userfaultfd wants to be asked for. Waiting for its reader is not
 * modelled. @returns the signal that comes instead, or null where it does not care
 */
export function userfaultMissing(fault: Fault): FaultError | null {
  const { fields } = fault;
  if ((fields.flags & VmFlag.uffdMissing) === 0) return null;
  const cached = isAnonymous(fields) ? 0 : fields.file!.inode!.pages.get(fault.pgoff);
  if (cached !== 0) return null;
  if (fields.uffd instanceof Userfaultfd && fields.uffd.has(UffdFeature.sigbus)) return "SIGBUS";
  throw new NotModelled("a missing page that userfaultfd is asked for");
}

/**
 * userfaultfd_pte_wp() in do_wp_page(), with the page-table lock: a write to an entry that a userfaultfd protects. In
 * the asynchronous mode the protection just ends. @returns the fault as it goes on
 */
export function userfaultWp(fault: PteFault): PteFault {
  const { fields, table, index, orig } = fault;
  if ((fields.flags & VmFlag.uffdWp) === 0 || !pteHas(orig, PteFlag.uffdWp)) return fault;
  if (!isWpAsync(fields)) throw new NotModelled("a write that userfaultfd is asked for");
  const now = pteChange(orig, 0, PteFlag.uffdWp);
  table.set(index, now);
  return { ...fault, orig: now };
}

/** A new entry in the place of a marker is as write-protected as the marker said (vmf_orig_pte_uffd_wp). */
export function inherit(fault: Fault, pte: Pte): Pte {
  return fault.marker === undefined ? pte : pteChange(pte, PteFlag.uffdWp, PteFlag.write);
}
