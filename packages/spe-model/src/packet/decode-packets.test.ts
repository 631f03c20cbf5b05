import { describe, expect, test } from "vitest";
import { fromHex } from "../testing/random-bytes.js";
import { decodePackets } from "./decode-packets.js";
import { EncodeError } from "./encode-error.js";
import { encodePackets } from "./encode-packets.js";

const decode = (hex: string, base = 0, asPerf = false) => [...decodePackets(fromHex(hex), { base, asPerf })];

describe("headers", () => {
  test("an extended header adds two bits to the index", () => {
    expect(decode("22 b3 01 02 03 04 05 06 07 08")).toEqual([
      { kind: "address", index: 19, extended: true, value: 0x0807060504030201n, offset: 0, size: 10 },
    ]);
    expect(decode("23 9f 34 12")).toEqual([
      { kind: "counter", index: 31, extended: true, value: 0x1234, offset: 0, size: 4 },
    ]);
  });

  test("a first byte above 0x23 extends alignments only", () => {
    expect(decode("24 98 01")[0]).toMatchObject({ kind: "bad", reason: "unknown-header", byte: 0x24 });
  });

  test("bytes that start nothing are bad one by one, and decoding goes on", () => {
    expect(decode("ff fe 49 00")).toEqual([
      { kind: "bad", reason: "unknown-header", byte: 0xff, offset: 0, size: 1 },
      { kind: "bad", reason: "unknown-header", byte: 0xfe, offset: 1, size: 1 },
      { kind: "operation", class: 1, payload: 0, offset: 2, size: 2 },
    ]);
  });

  test("a packet that the input's end tears gives one bad byte, and what is in it is read as packets", () => {
    expect(decode("b0 49 00")).toEqual([
      { kind: "bad", reason: "torn", byte: 0xb0, offset: 0, size: 1 },
      { kind: "operation", class: 1, payload: 0, offset: 1, size: 2 },
    ]);
  });
});

describe("alignment", () => {
  test("it counts from the buffer's start, not the input's", () => {
    const at = (base: number) => decode(`22 00 ${"00 ".repeat(5)} 01 ff ff ff ff ff ff ff ff`, base)[0];
    expect(at(1)).toEqual({ kind: "alignment", shift: 3, offset: 0, size: 7 });
    expect(at(5)).toEqual({ kind: "alignment", shift: 3, offset: 0, size: 7 });
  });

  test("skipped bytes may be anything; zeros behind them belong to it up to 16 bytes", () => {
    expect(decode("21 00 aa bb 00 00 01")).toEqual([
      { kind: "alignment", shift: 2, offset: 0, size: 6 },
      { kind: "end", offset: 6, size: 1 },
    ]);
  });

  test("on the last byte before a boundary it is that byte alone, and its zero is padding", () => {
    expect(decode("21 00 01", 3)).toEqual([
      { kind: "alignment", shift: 2, offset: 0, size: 2 },
      { kind: "end", offset: 2, size: 1 },
    ]);
  });

  test("perf wants as many bytes behind it as it aligns to, and no more than 16", () => {
    expect(decode("23 00 ff 01", 12)).toHaveLength(1);
    expect(decode("23 00 ff 01", 12, true).map(({ kind }) => kind)).toEqual(["bad", "padding", "bad", "end"]);
    expect(decode(`24 00 ${"ff ".repeat(40)}`, 0, true)[0]).toMatchObject({ kind: "bad" });
  });
});

test("padding is grouped by 16", () => {
  expect(decode("00".repeat(20)).map(({ size }) => size)).toEqual([16, 4]);
});

describe("what does not fit is refused", () => {
  test.each([
    [{ kind: "context", index: 4, value: 0 }, "index is 4; allowed is 0 to 3"],
    [{ kind: "counter", index: 8, extended: false, value: 0 }, "index is 8; allowed is 0 to 7"],
    [
      { kind: "counter", index: 0, extended: false, value: 65_536 },
      "counter is 65536; allowed is 0 to 65535",
    ],
    [{ kind: "timestamp", value: -1n }, "timestamp is -1; allowed is 8 bytes, unsigned"],
    [{ kind: "events", width: 2, bits: 65_536n }, "events is 65536; allowed is 2 bytes, unsigned"],
    [{ kind: "alignment", shift: 0, size: 2 }, "shift is 0; allowed is 1 to 16"],
  ] as const)("%o", (packet, message) => {
    expect(() => encodePackets([packet])).toThrow(EncodeError);
    expect(() => encodePackets([packet])).toThrow(message);
  });
});
