import { describe, expect, it } from "vitest";
import {
  decodeGpmMetrics,
  decodeGpmSupport,
  encodeGpmRequest,
  encodeGpmSupport,
  GPM_METRICS_GET,
} from "../../../src/collect/nvml/gpm-layouts.ts";
import { readU32, view } from "../../../src/collect/nvml/layouts.ts";

describe("a request for profiling metrics", () => {
  const bytes = new Uint8Array(GPM_METRICS_GET).fill(0xee);
  encodeGpmRequest(bytes, 0x1111n, 0x2222n, [2, 61]);

  it("has room for all metrics of the largest header, however few are asked for", () => {
    expect(bytes.length).toBe(24 + 333 * 40);
    expect(bytes.length).toBe(13_344);
  });

  it("is of version 1, and names the older sample first", () => {
    const data = view(bytes);
    expect([readU32(bytes, 0), readU32(bytes, 4)]).toEqual([1, 2]);
    expect([data.getBigUint64(8, true), data.getBigUint64(16, true)]).toEqual([0x1111n, 0x2222n]);
    expect([readU32(bytes, 24), readU32(bytes, 64)]).toEqual([2, 61]);
  });

  it("leaves nothing of an earlier one behind", () => {
    expect(bytes.subarray(24 + 2 * 40).every((byte) => byte === 0)).toBe(true);
  });

  it("reads a metric that the driver skipped as failed, not as 0", () => {
    expect(decodeGpmMetrics(bytes, 2)).toEqual([
      { id: 2, result: 999, value: 0 },
      { id: 61, result: 999, value: 0 },
    ]);
  });

  it("gives results and values in the order asked for", () => {
    const answered = Uint8Array.from(bytes);
    const data = view(answered);
    data.setUint32(28, 0, true);
    data.setFloat64(32, 41.5, true);
    data.setUint32(68, 3, true);
    expect(decodeGpmMetrics(answered, 2)).toMatchObject([
      { id: 2, result: 0, value: 41.5 },
      { id: 61, result: 3 },
    ]);
  });
});

describe("the question whether a device has profiling counters", () => {
  it("is of version 1, and answered by what lies behind it", () => {
    const bytes = encodeGpmSupport();
    expect([readU32(bytes), bytes.length]).toEqual([1, 8]);
    expect(decodeGpmSupport(bytes)).toBe(false);
    bytes[4] = 1;
    expect(decodeGpmSupport(bytes)).toBe(true);
  });
});
