import fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryPackets } from "../testing/arbitrary-packet.js";
import { randomBytes } from "../testing/random-bytes.js";
import { decodePackets } from "./decode-packets.js";
import { packetSize } from "./encode-packet.js";
import { encodePackets } from "./encode-packets.js";
import type { DecodedPacket, Packet } from "./packet.js";
import { PacketDecoder } from "./packet-decoder.js";

const bare = ({ offset: _offset, size, ...packet }: DecodedPacket) =>
  packet.kind === "padding" || packet.kind === "alignment" ? { ...packet, size } : packet;

test("packets decode to what was encoded", () => {
  fc.assert(
    fc.property(arbitraryPackets, (packets) => {
      const decoded = [...decodePackets(encodePackets(packets))];
      expect(decoded.map(bare)).toEqual(packets);
      expect(decoded.map(({ size }) => size)).toEqual(packets.map(packetSize));
    }),
    { numRuns: 500 },
  );
});

test("well-formed bytes encode to themselves", () => {
  fc.assert(
    fc.property(arbitraryPackets, fc.nat(0xffff), (packets, base) => {
      const bytes = encodePackets(packets);
      const decoded = [...decodePackets(bytes, { base })];
      expect(encodePackets(decoded as Packet[])).toEqual(bytes);
    }),
    { numRuns: 300 },
  );
});

test("any bytes are cut into packets without a gap, and all but the skipped bytes come back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(0xffff), (bytes, base) => {
      let offset = 0;
      for (const packet of decodePackets(bytes, { base })) {
        expect(packet.offset).toBe(offset);
        const own = bytes.subarray(offset, offset + packet.size);
        if (packet.kind === "bad") expect(own).toEqual(Uint8Array.of(packet.byte));
        else if (packet.kind !== "alignment") expect(encodePackets([packet])).toEqual(own);
        offset += packet.size;
      }
      expect(offset).toBe(bytes.length);
    }),
    { numRuns: 1000 },
  );
});

test("a stream decodes the same however it is cut", () => {
  const cuts = fc.array(fc.nat(40), { minLength: 1, maxLength: 20 });
  const inputs = fc.oneof(
    arbitraryPackets.map(encodePackets),
    fc.uint8Array({ maxLength: 600 }),
    fc
      .array(fc.constantFrom(0, 0x20, 0x21, 0x23, 0x26, 0xb0, 1), { maxLength: 300 })
      .map((list) => Uint8Array.from(list)),
  );
  fc.assert(
    fc.property(inputs, cuts, fc.nat(0xffff), fc.boolean(), (bytes, sizes, base, asPerf) => {
      const decoder = new PacketDecoder({ base, asPerf });
      const packets: DecodedPacket[] = [];
      const sink = (packet: DecodedPacket) => packets.push(packet);
      for (let at = 0, n = 0; at < bytes.length; n++) {
        const size = sizes.some((cut) => cut > 0) ? sizes[n % sizes.length]! : 1;
        decoder.push(bytes.subarray(at, at + size), sink);
        at += size;
      }
      decoder.end(sink);
      expect(packets).toEqual([...decodePackets(bytes, { base, asPerf })]);
      expect(decoder.offset).toBe(bytes.length);
    }),
    { numRuns: 2000 },
  );
});

test("a 64 KiB alignment that arrives byte by byte ends where the buffer says", () => {
  const bytes = new Uint8Array(70_000);
  bytes.set([0x2f, 0x00]);
  bytes[65_536 - 100] = 0x01;
  const decoder = new PacketDecoder({ base: 100 });
  const packets: DecodedPacket[] = [];
  for (const byte of bytes) decoder.push(Uint8Array.of(byte), (packet) => packets.push(packet));
  expect(packets.slice(0, 2)).toEqual([
    { kind: "alignment", shift: 16, offset: 0, size: 65_436 },
    { kind: "end", offset: 65_436, size: 1 },
  ]);
});

test("10 MB of random bytes decode completely", () => {
  const bytes = randomBytes(10_000_000, 7);
  const decoder = new PacketDecoder();
  let end = 0;
  let bad = 0;
  const sink = (packet: DecodedPacket) => {
    if (packet.offset !== end) throw new Error(`gap at ${end}`);
    end += packet.size;
    if (packet.kind === "bad") bad++;
  };
  for (let at = 0; at < bytes.length; at += 4093) decoder.push(bytes.subarray(at, at + 4093), sink);
  decoder.end(sink);
  expect(end).toBe(bytes.length);
  expect(bad).toBeGreaterThan(1_000_000);
}, 60_000);
