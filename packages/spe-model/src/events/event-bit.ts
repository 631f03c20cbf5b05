/**
 * Bits of the events packet (Arm ARM, "Events packet"; `perf`'s enum arm_spe_events). Bits 12 to
 * 15 and 26 and above mean what the implementation says.
 */
export const EventBit = {
  exceptionGenerated: 0,
  retired: 1,
  l1dAccess: 2,
  l1dRefill: 3,
  tlbAccess: 4,
  tlbWalk: 5,
  notTaken: 6,
  mispredicted: 7,
  llcAccess: 8,
  llcMiss: 9,
  remoteAccess: 10,
  misaligned: 11,
  transactional: 16,
  partialPredicate: 17,
  emptyPredicate: 18,
  l2dAccess: 19,
  l2dMiss: 20,
  dataModified: 21,
  recentlyFetched: 22,
  snooped: 23,
  streamingSve: 24,
  smcu: 25,
} as const;
export type EventName = keyof typeof EventBit;

/** The events packet's bits for some events. */
export function eventBits(...names: readonly EventName[]): bigint {
  return names.reduce((bits, name) => bits | (1n << BigInt(EventBit[name])), 0n);
}

/** The events that the bits stand for, in the order of their bits; others' bits are left out. */
export function eventNames(bits: bigint): EventName[] {
  return (Object.keys(EventBit) as EventName[]).filter(
    (name) => ((bits >> BigInt(EventBit[name])) & 1n) === 1n,
  );
}
