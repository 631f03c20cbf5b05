import fc from "fast-check";
import type { Packet } from "../packet/packet.js";

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const width = fc.constantFrom(1, 2, 4, 8);

const sized = width.chain((bytes) =>
  fc.tuple(fc.constant(bytes), fc.bigInt({ min: 0n, max: (1n << BigInt(8 * bytes)) - 1n })),
);

const indexed = fc
  .boolean()
  .chain((extended) => fc.record({ extended: fc.constant(extended), index: fc.nat(extended ? 31 : 7) }));

/** Any packet but padding and alignment, whose sizes depend on their neighbours. */
export const arbitraryPacket: fc.Arbitrary<Packet> = fc.oneof(
  fc.constant<Packet>({ kind: "end" }),
  u64.map((value): Packet => ({ kind: "timestamp", value })),
  fc.tuple(indexed, u64).map(([at, value]): Packet => ({ kind: "address", ...at, value })),
  fc.tuple(indexed, fc.nat(0xffff)).map(([at, value]): Packet => ({ kind: "counter", ...at, value })),
  fc
    .tuple(fc.nat(3), fc.nat(0xffff_ffff))
    .map(([index, value]): Packet => ({ kind: "context", index, value })),
  fc
    .tuple(fc.nat(3), fc.nat(0xff))
    .map(([of, payload]): Packet => ({ kind: "operation", class: of, payload })),
  sized.map(([bytes, bits]): Packet => ({ kind: "events", width: bytes as 1, bits })),
  sized.map(([bytes, value]): Packet => ({ kind: "data-source", width: bytes as 1, value })),
);

/** Packets that decode as themselves: padding does not touch padding, alignments end where they have to. */
export const arbitraryPackets: fc.Arbitrary<Packet[]> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.tuple(arbitraryPacket, fc.constant(0)) },
      { weight: 1, arbitrary: fc.tuple(arbitraryPacket, fc.integer({ min: 1, max: 16 })) },
    ),
    { maxLength: 60 },
  )
  .map((list) =>
    list.flatMap(([packet, padding]): Packet[] =>
      padding > 0 ? [{ kind: "padding", size: padding }, packet] : [packet],
    ),
  );
