import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ALL_LINKS,
  decodeFields,
  decodeMemory,
  decodeMemoryV2,
  decodePciBusId,
  decodeUtilization,
  encodeFieldRequest,
  encodeMemoryV2,
  readMeasuredU32,
  readMeasuredU64,
  readText,
  readU32,
  view,
} from "../../../src/collect/nvml/layouts.ts";

const ALL_ONES = 0xffff_ffff_ffff_ffffn;

const u64s = (...values: bigint[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 8);
  values.forEach((value, i) => view(bytes).setBigUint64(i * 8, value, true));
  return bytes;
};

describe("numbers of which all ones mean not available", () => {
  it.each([
    [0n, 0],
    [85_899_345_920n, 85_899_345_920],
    [BigInt(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER],
    [BigInt(Number.MAX_SAFE_INTEGER) + 1n, undefined],
    [ALL_ONES, undefined],
  ])("reads the u64 %s as %s", (value, expected) => {
    expect(readMeasuredU64(u64s(value))).toBe(expected);
  });

  it.each([
    [0xffff_fffe, 0xffff_fffe],
    [0xffff_ffff, undefined],
  ])("reads the u32 %s as %s", (value, expected) => {
    const bytes = new Uint8Array(4);
    view(bytes).setUint32(0, value, true);
    expect(readMeasuredU32(bytes)).toBe(expected);
  });
});

describe("text", () => {
  it("ends at the NUL, and at the field's end where there is none", () => {
    expect(readText(new TextEncoder().encode("GPU-1\0garbage"))).toBe("GPU-1");
    expect(readText(new TextEncoder().encode("GPU-1"))).toBe("GPU-1");
  });
});

describe("utilisation", () => {
  it.each([
    [100, 0, { gpu: 1, memory: 0 }],
    [101, 50, { memory: 0.5 }],
    [0xffff_ffff, 0xffff_ffff, {}],
  ])("reads %s %% and %s %% as %s", (gpu, memory, expected) => {
    const bytes = new Uint8Array(8);
    view(bytes).setUint32(0, gpu, true);
    view(bytes).setUint32(4, memory, true);
    expect(decodeUtilization(bytes)).toEqual(expected);
  });
});

describe("memory", () => {
  it("reads total, free, used of the first form", () => {
    expect(decodeMemory(u64s(100n, 60n, 40n))).toEqual({ totalBytes: 100, usedBytes: 40 });
  });

  it("skips version and reserved of the second form", () => {
    expect(decodeMemoryV2(u64s(0n, 100n, 5n, 60n, 35n))).toEqual({
      totalBytes: 100,
      usedBytes: 35,
    });
  });

  it("asks for the second form with its size and version", () => {
    expect(readU32(encodeMemoryV2())).toBe(0x0200_0028);
  });
});

describe("PCI information", () => {
  it("takes the long bus id behind the numbers, not the short one at the start", () => {
    const bytes = new Uint8Array(68);
    bytes.set(new TextEncoder().encode("0000:01:00.0"), 0);
    bytes.set(new TextEncoder().encode("00000000:01:00.0"), 36);
    expect(decodePciBusId(bytes)).toBe("00000000:01:00.0");
  });
});

describe("field values", () => {
  const answer = (type: number, result: number, write: (data: DataView) => void): Uint8Array => {
    const bytes = encodeFieldRequest([{ id: 186 }]);
    view(bytes).setUint32(24, type, true);
    view(bytes).setUint32(28, result, true);
    write(new DataView(bytes.buffer, 32, 8));
    return bytes;
  };

  it.each([
    ["double", 0, (data: DataView) => data.setFloat64(0, 1.5, true), 1.5],
    ["unsigned int", 1, (data: DataView) => data.setUint32(0, 7, true), 7],
    ["unsigned long", 2, (data: DataView) => data.setBigUint64(0, 8n, true), 8],
    ["unsigned long long", 3, (data: DataView) => data.setBigUint64(0, 2n ** 40n, true), 2 ** 40],
    ["signed long long", 4, (data: DataView) => data.setBigInt64(0, -9n, true), -9],
    ["signed int", 5, (data: DataView) => data.setInt32(0, -3, true), -3],
    ["unsigned short", 6, (data: DataView) => data.setUint32(0, 0x1_0007, true), 7],
    ["a type not known yet", 99, (data: DataView) => data.setUint32(0, 7, true), undefined],
  ])("reads a %s", (_name, type, write, value) => {
    expect(decodeFields(answer(type, 0, write))).toMatchObject([{ id: 186, result: 0, value }]);
  });

  it("has no value where the field itself failed", () => {
    expect(decodeFields(answer(1, 3, (data) => data.setUint32(0, 7, true)))).toMatchObject([
      { id: 186, result: 3, value: undefined, count: undefined },
    ]);
  });

  it.each([
    ["unsigned int", 1, 7n, true],
    ["unsigned long long", 3, 2n ** 60n, false],
  ])("counts exactly in an %s", (_name, type, count, narrow) => {
    const write = (data: DataView) => data.setBigUint64(0, count, true);
    expect(decodeFields(answer(type, 0, write))).toMatchObject([{ count, narrow }]);
  });

  it.each([
    ["all ones in 32 bits", 1, 0xffff_ffffn],
    ["all ones in 64 bits", 3, ALL_ONES],
    ["a double", 0, 7n],
  ])("counts nothing in %s", (_name, type, value) => {
    const write = (data: DataView) => data.setBigUint64(0, value, true);
    expect(decodeFields(answer(type, 0, write))[0]?.count).toBeUndefined();
  });

  it.each([
    [0n, undefined],
    [1_800_000_000_000_000n, 1_800_000_000_000_000],
  ])("have the time %s as %s", (time, timestampUs) => {
    const bytes = answer(1, 0, () => undefined);
    view(bytes).setBigUint64(8, time, true);
    expect(decodeFields(bytes)).toMatchObject([{ timestampUs }]);
  });

  it("ask for the sum over all links by a scope of all ones, for the GPU by 0", () => {
    const bytes = encodeFieldRequest([{ id: 197 }, { id: 138, scopeId: ALL_LINKS }]);
    expect([readU32(bytes, 4), readU32(bytes, 44)]).toEqual([0, 0xffff_ffff]);
  });

  it("keeps ids in their order, whichever they are", () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), (ids) => {
        const requests = ids.map((id) => ({ id }));
        expect(decodeFields(encodeFieldRequest(requests)).map(({ id }) => id)).toEqual(ids);
      }),
    );
  });
});
