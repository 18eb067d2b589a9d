import { describe, expect, it } from "vitest";
import type { NvmlScript } from "../../support/nvml-stub.ts";
import { fieldsAsked, gpuAt, gpuOf } from "./rig-counters.ts";
import { compiler, ready, suffix, type Rig } from "./rig.ts";

const WIDE = 2 ** 33;
const wide = (id: number, value: number): NvmlScript => ({
  [`field${id}`]: value,
  [`fieldType${id}`]: 3,
});
/** Two readings of one field, a second apart. */
const twice = (id: number, from: number, to: number, more: NvmlScript = {}): NvmlScript[] =>
  [from, to].map((value) => ({ ...more, ...wide(id, value) }));
const last = async (made: Rig, scripts: readonly NvmlScript[], stepMs?: number) =>
  (await gpuOf(made, scripts, stepMs)).at(-1);

describe.skipIf(!compiler)(`traffic${suffix}`, () => {
  it.each([
    [197, "pcieTxBytesPerSec", 1],
    [198, "pcieRxBytesPerSec", 1],
    [138, "nvlinkTxBytesPerSec", 1024],
    [139, "nvlinkRxBytesPerSec", 1024],
    [202, "nvlinkTxBytesPerSec", 1],
    [204, "nvlinkRxBytesPerSec", 1],
  ])("of field %s is %s, in counts of %s bytes", async (id, quantity, bytes) => {
    const [first, next] = await gpuOf(await ready(), twice(id, WIDE, WIDE + 5000));
    expect(first).not.toHaveProperty(quantity);
    expect(next).toHaveProperty(quantity, 5000 * bytes);
  });

  it("never comes from the call that blocks for 20 ms", async () => {
    const made = await ready();
    await last(made, twice(197, WIDE, WIDE + 1));
    await gpuAt(made, [2000, 3000]);
    expect(made.calls("nvmlDeviceGetPcieThroughput")).toBe(0);
    expect(made.calls("nvmlDeviceGetFieldValues")).toBe(4);
  });

  it("is asked for with power in one call, without what is not supported", async () => {
    const made = await ready({ field186: 1000, field197: 1 });
    await gpuAt(made, [0]);
    expect(fieldsAsked(made)).toEqual([186, 197, 198, 138, 139, 202, 204]);
    await gpuAt(made, [1000]);
    expect(fieldsAsked(made)).toEqual([186, 197]);
    expect(made.calls("nvmlDeviceGetFieldValues")).toBe(2);
  });

  it("does not cost the power of a driver that refuses the whole call for one field", async () => {
    const made = await ready({ field186: 250_000, power: 1000, fieldsAtMost: 1 });
    const lines = await gpuAt(made, [0, 1000]);
    expect(lines.map((line) => line?.powerWatts)).toEqual([1, 250]);
    expect(fieldsAsked(made)).toEqual([186]);
  });

  it("over NVLink 5 is not asked for where the older counters answer", async () => {
    const made = await ready({ ...wide(138, 1), ...wide(202, 1), ...wide(204, 1) });
    await gpuAt(made, [0, 1000]);
    expect(fieldsAsked(made)).toEqual([138, 204]);
  });

  it("is not known for the reading in which a counter was reset, and is again for the next", async () => {
    const scripts = [WIDE + 9000, WIDE, WIDE + 500].map((value) => wide(197, value));
    const rates = (await gpuOf(await ready(), scripts)).map((line) => line?.pcieTxBytesPerSec);
    expect(rates).toEqual([undefined, undefined, 500]);
  });

  it("goes by the time at which the driver read its counter", async () => {
    const at = (us: number) => ({ fieldTime197: 1_800_000_000_000_000 + us });
    const scripts = [
      { ...wide(197, WIDE), ...at(0) },
      { ...wide(197, WIDE + 1000), ...at(800_000) },
    ];
    expect((await last(await ready(), scripts))?.pcieTxBytesPerSec).toBe(1250);
  });

  it("is garbage where no link could carry it", async () => {
    const link = { maxPcieGeneration: 4, maxPcieWidth: 16 };
    const rate = async (bytes: number) =>
      (await last(await ready(), twice(197, WIDE, WIDE + bytes, link)))?.pcieTxBytesPerSec;
    expect(await rate(32e9)).toBe(32e9);
    expect(await rate(33e9)).toBeUndefined();
  });
});

describe.skipIf(!compiler)(`a PCIe counter of 32 bits${suffix}`, () => {
  const scripts = (link: NvmlScript) =>
    [0xffff_ff00, 0x100].map((field197) => ({ ...link, field197 }));
  const rate = async (link: NvmlScript, stepMs: number) =>
    (await last(await ready(), scripts(link), stepMs))?.pcieTxBytesPerSec;

  it.each([
    ["4 lanes of generation 3 at 1 Hz", { maxPcieGeneration: 3, maxPcieWidth: 4 }, 1000, 512],
    [
      "16 lanes of generation 4 at 1 Hz",
      { maxPcieGeneration: 4, maxPcieWidth: 16 },
      1000,
      undefined,
    ],
    ["16 lanes of generation 4 at 10 Hz", { maxPcieGeneration: 4, maxPcieWidth: 16 }, 100, 5120],
    [
      "16 lanes of generation 5 at 10 Hz",
      { maxPcieGeneration: 5, maxPcieWidth: 16 },
      100,
      undefined,
    ],
    ["an unknown link at 10 Hz", {}, 100, undefined],
    [
      "a link of a generation not known yet",
      { maxPcieGeneration: 9, maxPcieWidth: 4 },
      100,
      undefined,
    ],
    ["a link of no lanes", { maxPcieGeneration: 3, maxPcieWidth: 0 }, 1000, undefined],
  ])("over %s", async (_name, link, stepMs, expected) => {
    expect(await rate(link, stepMs)).toBe(expected);
  });

  it("may hide behind one of 64, until one count is beyond 32 bits", async () => {
    const link = { maxPcieGeneration: 4, maxPcieWidth: 16 };
    const rateFrom = async (from: number) =>
      (await last(await ready(), twice(197, from, from + 500, link)))?.pcieTxBytesPerSec;
    expect(await rateFrom(2 ** 31)).toBeUndefined();
    expect(await rateFrom(2 ** 32)).toBe(500);
  });

  it("asks for the link once", async () => {
    const made = await ready({ maxPcieGeneration: 3, maxPcieWidth: 4, field197: 1, field198: 1 });
    await gpuAt(made, [0, 1000, 2000]);
    expect(made.calls("nvmlDeviceGetMaxPcieLinkGeneration")).toBe(1);
    expect(made.calls("nvmlDeviceGetMaxPcieLinkWidth")).toBe(1);
  });

  it("asks once for a link that is not told", async () => {
    const made = await ready({ field197: 1 });
    await gpuAt(made, [0, 1000, 2000]);
    expect(made.calls("nvmlDeviceGetMaxPcieLinkGeneration")).toBe(1);
  });

  it("gives way to the profiling counters where it cannot tell", async () => {
    const gpm = { gpm: 1, gpm20: 7 };
    const fast = { ...gpm, maxPcieGeneration: 5, maxPcieWidth: 16 };
    expect(await rate(fast, 1000)).toBe(7 * 1_048_576);
    const slow = { ...gpm, maxPcieGeneration: 3, maxPcieWidth: 4 };
    expect(await rate(slow, 1000)).toBe(512);
  });
});

describe.skipIf(!compiler)(`after a gap${suffix}`, () => {
  it("traffic starts anew, since the counters may have too", async () => {
    const settings = { lostDevice: { firstMs: 1000, maxMs: 1000 } };
    const made = await ready(wide(197, WIDE), { settings });
    const lines = await gpuOf(made, [
      wide(197, WIDE),
      { lost: 1 },
      wide(197, WIDE + 100),
      wide(197, WIDE + 300),
    ]);
    expect(lines.map((line) => line?.pcieTxBytesPerSec)).toEqual([
      undefined,
      undefined,
      undefined,
      200,
    ]);
  });
});
