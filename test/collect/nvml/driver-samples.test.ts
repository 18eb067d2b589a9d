import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { believedSamples, decodeBufferSamples } from "../../../src/collect/nvml/sample-layouts.ts";
import { view } from "../../../src/collect/nvml/layouts.ts";
import { scriptNvmlStub, type NvmlScript } from "../../support/nvml-stub.ts";
import { at } from "./rig-counters.ts";
import { AT, compiler, of, ready, suffix, type Rig } from "./rig.ts";

const SAMPLES = "nvmlDeviceGetSamples";
/** `[milliseconds from AT, value]` as the script says it. */
const entries = (...samples: [number, number | string][]): string =>
  samples.map(([ms, value]) => `${AT * 1000 + ms * 1000}:${value}`).join(" ");
const lines = async (made: Rig, ms: number) => of("samples", await at(made, ms));

describe.skipIf(!compiler)(`the driver's own samples${suffix}`, () => {
  it.each([
    [0, "power", "W", 250_500, 250.5],
    [1, "gpuUtil", "ratio", 87, 0.87],
    [2, "memUtil", "ratio", 40, 0.4],
    [5, "smClock", "MHz", 1980, 1980],
    [6, "memClock", "MHz", 2619, 2619],
  ])("of type %s are %s in %s", async (type, signal, unit, raw, value) => {
    const made = await ready({ [`buffer${type}`]: entries([-40, raw], [-20, raw]) });
    expect(await lines(made, 0)).toEqual([
      {
        kind: "samples",
        atMs: AT,
        gpu: 0,
        signal,
        unit,
        fromMs: AT - 40,
        offsetsMs: [0, 20],
        values: [value, value],
      },
    ]);
  });

  it.each([
    [undefined, ["power", "gpuUtil", "memUtil"]],
    [
      ["power", "memUtil"],
      ["power", "memUtil"],
    ],
    [[], []],
  ])("are asked for by name: of %j there are %j", async (signals, expected) => {
    const buffers = { buffer0: entries([-20, 1]), buffer1: entries([-20, 1]) };
    const script = { ...buffers, buffer2: entries([-20, 1]) };
    const made = await ready(script, { settings: { signals } });
    expect((await lines(made, 0)).map(({ signal }) => signal)).toEqual(expected);
    expect(made.calls(SAMPLES) > 0).toBe(expected.length > 0);
  });

  it.each([
    ["double", 0, "250500.5", 250.5005],
    ["unsigned int", 1, "250500", 250.5],
    ["unsigned long long", 3, "250500", 250.5],
    ["signed long long", 4, "250500", 250.5],
  ])("are read as %s", async (_name, type, raw, watts) => {
    const made = await ready({ buffer0: entries([-20, raw]), bufferType0: type });
    expect((await lines(made, 0))[0]?.values).toEqual([watts]);
  });

  it.each<[string, NvmlScript]>([
    ["more than 100 kW", { buffer0: entries([-40, 100_000_001], [-20, 1000]) }],
    ["all ones", { buffer0: entries([-40, 0xffff_ffff], [-20, 1000]) }],
    ["less than nothing", { bufferType0: 4, buffer0: entries([-40, -1], [-20, 1000]) }],
    ["not a number", { bufferType0: 0, buffer0: entries([-40, "nan"], [-20, 1000]) }],
    ["more than a minute ahead", { buffer0: entries([-20, 1000], [60_001, 2000]) }],
    ["of long ago", { buffer0: entries([-2001, 2000], [-20, 1000]), garbage: 1 }],
    ["the same one twice", { buffer0: entries([-20, 1000], [-20, 1000]) }],
  ])("leave out what is %s", async (_name, script) => {
    const found = await lines(await ready(script), 0);
    expect(found).toMatchObject([{ fromMs: AT - 20, offsetsMs: [0], values: [1] }]);
  });

  it.each([
    [100, 1],
    [101, undefined],
  ])("of %s percent read %s", async (percent, value) => {
    const found = await lines(await ready({ buffer1: entries([-20, percent]) }), 0);
    expect(found[0]?.values[0]).toBe(value);
  });

  it("are put in order, whatever the driver's", async () => {
    const made = await ready({ buffer0: entries([-20, 3000], [-60, 1000], [-40, 2000]) });
    expect(await lines(made, 0)).toMatchObject([{ offsetsMs: [0, 20, 40], values: [1, 2, 3] }]);
  });

  it("are told once, also by a driver that hands them out again", async () => {
    const made = await ready({ buffer0: entries([-20, 1000]), garbage: 1 });
    expect(await lines(made, 0)).toHaveLength(1);
    scriptNvmlStub(made.library, { buffer0: entries([-20, 1000], [980, 2000]), garbage: 1 });
    expect(await lines(made, 1000)).toMatchObject([{ fromMs: AT + 980, values: [2] }]);
    expect(await lines(made, 2000)).toEqual([]);
  });

  it("of a hole in the readings are told when these go on: the driver kept them", async () => {
    const made = await ready({ buffer0: entries([-20, 1000]) });
    await lines(made, 0);
    scriptNvmlStub(made.library, { buffer0: entries([500, 2000], [5900, 3000]) });
    expect(await lines(made, 6000)).toMatchObject([{ fromMs: AT + 500, values: [2, 3] }]);
  });

  it("of a hole are told also where there were none before it", async () => {
    const made = await ready({ buffer0: entries([-9000, 1000]) });
    expect(await lines(made, 0)).toEqual([]);
    scriptNvmlStub(made.library, { buffer0: entries([500, 2000]) });
    expect(await lines(made, 6000)).toMatchObject([{ values: [2] }]);
  });

  it("are told at once after the wall clock was set back an hour", async () => {
    const made = await ready({ buffer0: entries([-20, 1000]) });
    await lines(made, 0);
    const back = -3_600_000;
    scriptNvmlStub(made.library, { buffer0: entries([back + 980, 2000]) });
    made.clock.nowMs = 1000;
    const found = of("samples", await made.collector.collect(AT + back + 1000));
    expect(found).toMatchObject([{ fromMs: AT + back + 980, values: [2] }]);
  });

  it("come in lines of a thousand values at most", async () => {
    const script = { buffer0: entries([-1500, 1000]), bufferRepeat: 1001 };
    const found = await lines(await ready(script), 0);
    expect(found.map(({ values }) => values.length)).toEqual([1000, 1]);
    expect(found.map(({ fromMs }) => fromMs - AT)).toEqual([-1500, -500]);
    expect(found[0]?.offsetsMs.at(-1)).toBe(999);
  });
});

describe.skipIf(!compiler)(`the driver's buffers${suffix}`, () => {
  const power: NvmlScript = { buffer0: entries([-20, 1000]), bufferRoom: 8 };

  it.each([
    [100, 31, 4],
    [1000, 4, 4],
    [990, 4, 4],
  ])("are read once a second where ticks come every %s ms", async (stepMs, ticks, reads) => {
    const made = await ready(power);
    for (let i = 0; i < ticks; i++) await at(made, i * stepMs);
    // Once more for the size of the buffer.
    expect(made.calls(SAMPLES) - 4).toBe(1 + reads);
  });

  it("are asked for their size again only when they were full", async () => {
    const made = await ready({ ...power, bufferRoom: 1 });
    await at(made, 0);
    expect(made.calls(SAMPLES) - 4).toBe(2);
    const more = entries([900, 1000], [950, 2000], [990, 3000]);
    scriptNvmlStub(made.library, { buffer0: more, bufferRoom: 3 });
    expect((await lines(made, 1000))[0]?.values).toEqual([1, 2, 3]);
    expect(made.calls(SAMPLES) - 4).toBe(4);
  });

  it("are not asked again for a signal that is not supported, the others are", async () => {
    const made = await ready(power);
    await at(made, 0);
    const first = made.calls(SAMPLES);
    await at(made, 1000);
    // Five signals at first, with the size of one; then that one alone.
    expect([first, made.calls(SAMPLES) - first]).toEqual([6, 1]);
  });

  it("are asked again after they failed", async () => {
    const made = await ready({ ...power, bufferResult0: 999 });
    expect(await lines(made, 0)).toEqual([]);
    scriptNvmlStub(made.library, { buffer0: entries([900, 1000]) });
    expect(await lines(made, 1000)).toHaveLength(1);
  });

  it("may be missing in an old driver", async () => {
    const made = await ready(power, { without: [SAMPLES] });
    const seen = await at(made, 0);
    expect(of("samples", seen)).toEqual([]);
    expect(of("gpu", seen)).toHaveLength(1);
  });
});

describe("what of a buffer is believed", () => {
  const sample = fc.record({
    timestampUs: fc.integer({ min: 0, max: 2000 }),
    value: fc.oneof(fc.double(), fc.integer({ min: -10, max: 200 })),
  });

  it("is in range, in time and in order", () => {
    const limits = { afterUs: 500, horizonUs: 1500, min: 0, max: 100 };
    fc.assert(
      fc.property(fc.array(sample), (samples) => {
        const found = believedSamples(samples, limits);
        const times = found.map(({ timestampUs }) => timestampUs);
        expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
        expect(times.every((time) => time > 500 && time <= 1500)).toBe(true);
        expect(found.every(({ value }) => value >= 0 && value <= 100)).toBe(true);
      }),
    );
  });

  it("starts at the count that the driver gave, not at what lies in memory", () => {
    const bytes = new Uint8Array(32);
    view(bytes).setBigUint64(0, 7n, true);
    view(bytes).setUint32(8, 42, true);
    expect(decodeBufferSamples(bytes, 1, 1)).toEqual([{ timestampUs: 7, value: 42 }]);
    expect(decodeBufferSamples(bytes, 0, 1)).toEqual([]);
  });
});
