import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openRecordingWriter } from "../../../src/collect/recording/write.ts";
import type { Observation } from "../../../src/model/observation.ts";
import {
  failureOf,
  gpuLine,
  HEADER,
  plainFile,
  readAll,
  T0,
  temporaryFolder,
} from "./support/files.ts";

const SAMPLES = {
  kind: "samples",
  t: T0 + 1,
  gpu: 0,
  signal: "power",
  unit: "W",
  from: T0 + 0.5,
  offsetsMs: [0, 20, 40],
  values: [100, 101.5, 99],
};
const HEALTH = { kind: "health", t: T0, gpu: 1, eccCorrected: 3, pcieReplays: 0, xids: [31, 79] };
const COLLECTOR = {
  kind: "collector",
  t: T0,
  name: "nvml",
  state: "ready",
  detail: "2 GPUs",
  readings: 60,
  failures: 1,
  drops: 0,
  meanDurationMs: 1.5,
};

async function read(line: object) {
  const { observations, reader } = await readAll(plainFile([HEADER, line]));
  const warnings = reader.warnings.map(({ code, subject }) => `${code} ${subject}`);
  return { observation: observations[1], warnings };
}

const fail = async (line: object) => failureOf(readAll(plainFile([HEADER, line])));

describe("a driver's buffer", () => {
  it("is read with its offsets from its own start", async () => {
    const { t: _, from: __, ...rest } = SAMPLES;
    const { observation, warnings } = await read(SAMPLES);
    expect(observation).toStrictEqual({
      ...rest,
      atMs: T0 * 1000 + 1000,
      fromMs: T0 * 1000 + 500,
    });
    expect(warnings).toEqual([]);
  });

  it("may be empty, and may hold two values of one moment", async () => {
    const empty = await read({ ...SAMPLES, offsetsMs: [], values: [] });
    expect(empty.observation).toMatchObject({ values: [] });
    const twins = await read({ ...SAMPLES, offsetsMs: [5, 5, 5] });
    expect(twins.observation).toMatchObject({ offsetsMs: [5, 5, 5] });
  });

  it.each([
    ["lists of two lengths", { values: [1, 2] }, "3 entries"],
    ["lists of two lengths, one empty", { offsetsMs: [] }, "0 entries"],
    ["an offset that goes back", { offsetsMs: [0, 40, 39] }, "offsetsMs[2]"],
    ["an offset before the start", { offsetsMs: [-1, 20, 40] }, "offsetsMs[0]"],
    ["a value that is no number", { values: [1, "2", 3] }, "values[1]"],
    ["a value that is null", { values: [1, null, 3] }, "values[1]"],
    ["an offset that is no number", { offsetsMs: [0, true, 3] }, "offsetsMs[1]"],
    ["no list", { values: 5 }, "values"],
    ["no signal", { signal: undefined }, "signal"],
    ["an empty signal", { signal: "" }, "signal"],
    ["no unit", { unit: null }, "unit"],
    ["a start in milliseconds", { from: T0 * 1000 }, "from"],
  ])("is refused with %s", async (_, change, word) => {
    const error = await fail({ ...SAMPLES, ...change });
    expect(error.code).toBe("recording/malformed");
    expect(error.message).toContain(word);
    expect(error.place).toMatch(/a\.ndjson:2$/);
  });

  it("is refused for a GPU that is not listed, and back in time", async () => {
    expect((await fail({ ...SAMPLES, gpu: 7 })).code).toBe("recording/unknown-gpu");
    const back = readAll(plainFile([HEADER, SAMPLES, { ...SAMPLES, t: T0 }]));
    expect((await failureOf(back)).code).toBe("recording/out-of-order");
  });

  it("loses values that cannot be true with their offsets, and keeps the others", async () => {
    const { observation, warnings } = await read({ ...SAMPLES, values: [100, -1, 99] });
    expect(observation).toMatchObject({ offsetsMs: [0, 40], values: [100, 99] });
    expect(warnings).toEqual(["implausible-value samples.power"]);
    const ratio = { signal: "gpuUtil", unit: "ratio", values: [0, 1.05, 1.06] };
    expect((await read({ ...SAMPLES, ...ratio })).observation).toMatchObject({
      offsetsMs: [0, 20],
      values: [0, 1],
    });
    const clock = { signal: "smClock", unit: "MHz", values: [210, 1980, 4_294_967_295] };
    expect((await read({ ...SAMPLES, ...clock })).observation).toMatchObject({
      values: [210, 1980],
    });
  });

  it("of lists of two lengths stays refused where garbage would even them out", async () => {
    const error = await fail({ ...SAMPLES, offsetsMs: [0, 20], values: [100, -1, 99] });
    expect(error.code).toBe("recording/malformed");
  });

  it("in another unit than its signal has is skipped with a warning", async () => {
    const { observation, warnings } = await read({ ...SAMPLES, unit: "mW" });
    expect(observation).toBeUndefined();
    expect(warnings).toEqual(["implausible-value samples.unit of power: mW"]);
  });

  it("of an unknown signal is kept as it is: a later version may know it", async () => {
    const strange = { ...SAMPLES, signal: "fan", unit: "rpm", values: [-5, 1e12, 0] };
    const { observation, warnings } = await read(strange);
    expect(observation).toMatchObject({ signal: "fan", unit: "rpm", values: [-5, 1e12, 0] });
    expect(warnings).toEqual([]);
  });
});

describe("health", () => {
  it("is read with what was measured, and nothing else", async () => {
    const { t: _, ...rest } = HEALTH;
    const { observation, warnings } = await read({ ...HEALTH, eccUncorrected: null });
    expect(observation).toStrictEqual({ ...rest, atMs: T0 * 1000 });
    expect(warnings).toEqual([]);
    const bare = await read({ kind: "health", t: T0, gpu: 0 });
    expect(bare.observation).toStrictEqual({ kind: "health", atMs: T0 * 1000, gpu: 0 });
    const none = await read({ kind: "health", t: T0, gpu: 0, xids: [] });
    expect(none.observation).toHaveProperty("xids", []);
  });

  it.each([
    ["negative", -1],
    ["no whole number", 1.5],
    ["all ones", 18_446_744_073_709_552_000],
  ])("loses a count that is %s, and keeps the others", async (_, garbage) => {
    const { observation, warnings } = await read({
      ...HEALTH,
      eccCorrected: garbage,
      xids: [31, garbage],
    });
    expect(observation).not.toHaveProperty("eccCorrected");
    expect(observation).toMatchObject({ pcieReplays: 0, xids: [31] });
    expect(warnings).toEqual([
      "implausible-value health.eccCorrected",
      "implausible-value health.xids",
    ]);
  });

  it.each([
    ["eccCorrected", "3"],
    ["remappedRows", true],
    ["xids", 31],
    ["xids", ["31"]],
    ["gpu", undefined],
  ])("with a %s of %j is refused", async (field, value) => {
    const error = await fail({ ...HEALTH, [field]: value });
    expect(error.code).toBe("recording/malformed");
    expect(error.message).toContain(field);
  });
});

describe("a collector's word of itself", () => {
  it("is read", async () => {
    const { t: _, ...rest } = COLLECTOR;
    const { observation, warnings } = await read(COLLECTOR);
    expect(observation).toStrictEqual({ ...rest, atMs: T0 * 1000 });
    expect(warnings).toEqual([]);
  });

  it.each([
    ["name", ""],
    ["state", undefined],
    ["readings", -1],
    ["failures", 0.5],
    ["drops", "0"],
    ["meanDurationMs", -1],
    ["maxDurationMs", "fast"],
  ])("with a %s of %j is refused", async (field, value) => {
    const error = await fail({ ...COLLECTOR, [field]: value });
    expect(error.code).toBe("recording/malformed");
    expect(error.message).toContain(field);
  });

  it("may come from several collectors at one time, never back in time", async () => {
    const lines = [HEADER, COLLECTOR, { ...COLLECTOR, name: "drm" }];
    expect((await readAll(plainFile(lines))).observations).toHaveLength(3);
    const back = { ...COLLECTOR, name: "drm", t: T0 - 1 };
    const error = await failureOf(readAll(plainFile([...lines, back])));
    expect(error.code).toBe("recording/out-of-order");
  });
});

describe("a header that says how it was measured", () => {
  const overhead = { readings: 20, meanMs: 1.5, maxMs: 4, cpuMs: 0.5 };
  const gpus = [{ ...HEADER.gpus[0], measuredWith: { powerWatts: "a call" } }];

  it("is read", async () => {
    const { observations, reader } = await readAll(plainFile([{ ...HEADER, overhead, gpus }]));
    expect(observations[0]).toMatchObject({ overhead, gpus });
    expect(reader.warnings).toEqual([]);
  });

  it.each([
    ["overhead", { ...overhead, meanMs: -1 }],
    ["overhead", { ...overhead, readings: 0.5 }],
    ["overhead", { readings: 5 }],
    ["overhead", 5],
    ["gpus", [{ ...gpus[0], measuredWith: { powerWatts: 5 } }]],
    ["gpus", [{ ...gpus[0], measuredWith: "everything" }]],
    ["gpus", [{ ...gpus[0], intervalSeconds: 0 }]],
  ])("with %s of %j is refused", async (field, value) => {
    const error = await failureOf(readAll(plainFile([{ ...HEADER, [field]: value }])));
    expect(error.code).toBe("recording/malformed");
    expect(error.message).toContain(field);
  });

  it("without any of it says nothing of it", async () => {
    const { observations } = await readAll(plainFile([{ ...HEADER, overhead: null }]));
    expect(observations[0]).not.toHaveProperty("overhead");
  });
});

describe("kinds that nothing is made of yet", () => {
  it.each(["calibration"])("%s is skipped, and counted", async (kind) => {
    const { observations, reader } = await readAll(
      plainFile([HEADER, { kind, t: "?" }, gpuLine(1)]),
    );
    expect(observations).toHaveLength(2);
    expect(reader.warnings).toMatchObject([{ code: "unused-kind", subject: kind, count: 1 }]);
  });

  it.each([SAMPLES, HEALTH, COLLECTOR])("$kind is not one of them", async (line) => {
    expect((await read(line)).warnings).toEqual([]);
  });
});

describe("a writer that is given a broken buffer", () => {
  it("leaves it out and counts it, so that the recording stays readable", async () => {
    const file = join(temporaryFolder(), "a.ndjson");
    const writer = await openRecordingWriter({ file, stdout: process.stdout, clock: () => 0 });
    const good: Observation = {
      kind: "samples",
      atMs: T0 * 1000,
      gpu: 0,
      signal: "power",
      unit: "W",
      fromMs: T0 * 1000 - 100,
      offsetsMs: [0, 20],
      values: [1, 2],
    };
    const { gpus } = HEADER;
    const node = { node: "n", source: "nvml", simulated: false, intervalMs: 20, gpus };
    await writer.write({ kind: "node", ...node });
    await writer.write({ ...good, values: [1] });
    await writer.write({ ...good, values: [1, Number.NaN] });
    await writer.write({ ...good, offsetsMs: [20, 0] });
    await writer.write({ ...good, offsetsMs: [-20, 0] });
    await writer.write({ ...good, offsetsMs: [0, Number.NaN] });
    await writer.write(good);
    await writer.close();
    expect(writer.counts).toEqual({ lines: 2, droppedFull: 0, droppedRefused: 5 });
    expect((await readAll(file)).observations[1]).toStrictEqual(good);
  });
});
