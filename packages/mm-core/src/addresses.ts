/** Bytes of a page; kvmm models kernels built for 4 KiB pages. */
export const PAGE_SIZE = 4096;
export const PAGE_SHIFT = 12;
/** Bytes and pages that one PMD entry maps. */
export const PMD_SIZE = 0x20_0000;
export const PMD_PAGES = 512;
/** Bytes that one PUD entry maps. */
export const PUD_SIZE = 0x4000_0000;
/** Bytes that one PGD entry maps, with four levels. */
export const PGDIR_SIZE = 0x80_0000_0000;
/** The most that DEFAULT_MAP_WINDOW is, arm64's: four levels of page tables reach no further. */
export const DEFAULT_MAP_WINDOW = 2 ** 48;

declare const unit: unique symbol;
/** A host virtual address of user space, in bytes; at most 52 bits. */
export type Hva = number & { readonly [unit]?: "hva" };
/** A page frame number of host memory. */
export type Pfn = number & { readonly [unit]?: "pfn" };
/** An offset into a file, in pages. */
export type Pgoff = number & { readonly [unit]?: "pgoff" };
/** A NUMA node's number, from 0. */
export type Node = number & { readonly [unit]?: "node" };

export function pageAlignDown(address: number): number {
  return address - (address % PAGE_SIZE);
}

/** PAGE_ALIGN */
export function pageAlign(bytes: number): number {
  return pageAlignDown(bytes + PAGE_SIZE - 1);
}

export function isPageAligned(address: number): boolean {
  return address % PAGE_SIZE === 0;
}

/** Page number of an address or a size. */
export function pages(bytes: number): number {
  return Math.floor(bytes / PAGE_SIZE);
}

/** End of the entry of `size` bytes that holds `address`, at most `end` (pmd_addr_end and its like). */
export function entryEnd(address: number, size: number, end: number): number {
  const boundary = address - (address % size) + size;
  return Math.min(boundary, end);
}
