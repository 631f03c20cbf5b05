/** PAGE_SIZE in bytes. */
export type PageSize = 4096 | 16384 | 65536;

/** KVM_PGTABLE_LAST_LEVEL */
export const LAST_LEVEL = 3;

/** What follows from the page size alone. */
export interface Geometry {
  readonly pageSize: PageSize;
  readonly pageShift: number;
  /** PTRS_PER_PTE */
  readonly ptrsPerPte: number;
  /** log2(PTRS_PER_PTE) */
  readonly ptrsShift: number;
  /** KVM_PGTABLE_MIN_BLOCK_LEVEL: the first level at which KVM makes blocks. */
  readonly minBlockLevel: number;
  /** kvm_granule_size(), by level 0..3. */
  readonly sizes: readonly number[];
  /** 1 / kvm_granule_size(), by level 0..3: exact, for it is a power of two. */
  readonly inverses: readonly number[];
}

function make(pageSize: PageSize, minBlockLevel: number): Geometry {
  const pageShift = Math.log2(pageSize);
  const sizes = [0, 1, 2, 3].map((level) => 2 ** shiftOf(pageShift, level));
  return {
    pageSize,
    pageShift,
    ptrsPerPte: pageSize / 8,
    ptrsShift: pageShift - 3,
    minBlockLevel,
    sizes,
    inverses: sizes.map((size) => 1 / size),
  };
}

function shiftOf(pageShift: number, level: number): number {
  return (pageShift - 3) * (4 - level) + 3;
}

const GEOMETRIES: Readonly<Record<number, Geometry>> = {
  4096: make(4096, 1),
  16384: make(16384, 2),
  65536: make(65536, 2),
};

/** @throws RangeError unless it is a page size of arm64 */
export function geometryOf(pageSize: PageSize): Geometry {
  const geometry = GEOMETRIES[pageSize];
  if (geometry === undefined)
    throw new RangeError(`page size: ${String(pageSize)} is none of 4096, 16384 and 65536`);
  return geometry;
}

/** kvm_granule_shift(): log2 of what one entry of this level translates. Levels below 0 are only computed with. */
export function granuleShift(geometry: Geometry, level: number): number {
  return shiftOf(geometry.pageShift, level);
}

/** kvm_granule_size() */
export function granuleSize(geometry: Geometry, level: number): number {
  return 2 ** granuleShift(geometry, level);
}

/** kvm_level_supports_block_mapping(): can an entry of this level be a leaf? */
export function levelSupportsBlockMapping(geometry: Geometry, level: number): boolean {
  return level >= geometry.minBlockLevel;
}

/** kvm_supported_block_sizes(): a mask of the sizes of leaves; they are powers of two. */
export function supportedBlockSizes(geometry: Geometry): number {
  let mask = 0;
  for (let level = geometry.minBlockLevel; level <= LAST_LEVEL; level++) mask += granuleSize(geometry, level);
  return mask;
}

/** kvm_pgd_pages(): how many tables of the first level are concatenated. */
export function pgdPages(geometry: Geometry, iaBits: number, startLevel: number): number {
  return 2 ** Math.max(0, iaBits - granuleShift(geometry, startLevel - 1));
}
