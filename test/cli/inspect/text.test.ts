import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inspectionFigure } from "../../../src/cli/inspect/figure.ts";
import { type Inspection, inspectRecording } from "../../../src/cli/inspect/inspection.ts";
import { inspectionJson } from "../../../src/cli/inspect/json.ts";
import { asciiOnly, wrapped } from "../../../src/cli/inspect/lines.ts";
import { inspectionText } from "../../../src/cli/inspect/text.ts";
import { GPU_QUANTITIES } from "../../../src/model/sample.ts";
import { gpuLine, HEADER, plainFile, T0 } from "../../collect/recording/support/files.ts";

const CHARTED = ["gpuUtil", "powerWatts"] as const;
const PAGE = { width: 80, unicode: true };

async function inspected(lines: readonly object[], header: object = HEADER): Promise<Inspection> {
  const { signal } = new AbortController();
  return inspectRecording(plainFile([header, ...lines]), { charted: new Set(CHARTED), signal });
}

const textOf = async (lines: readonly object[], header: object = HEADER, page = PAGE) =>
  inspectionText(await inspected(lines, header), CHARTED, page);

const busy = (second: number): object => gpuLine(second, 0, { gpuUtil: 1, powerWatts: 200 });
const HOSTILE = "\u001b[31mred\u0007\u202eevil\n";

/** A line of every kind, with all that a recording can say. */
const FULL = [
  busy(0),
  { kind: "processes", t: T0, gpu: 0, list: [{ pid: 5, comm: "python" }] },
  { kind: "host", t: T0, list: [{ pid: 6 }, { pid: 7 }] },
  {
    kind: "samples",
    t: T0,
    gpu: 0,
    signal: "power",
    unit: "W",
    from: T0,
    offsetsMs: [0, 20],
    values: [1, 3],
  },
  { kind: "health", t: T0, gpu: 0, eccCorrected: 2, xids: [79] },
  {
    kind: "collector",
    t: T0,
    name: "nvml",
    state: "ready",
    detail: "fine",
    readings: 5,
    failures: 1,
    drops: 2,
    meanDurationMs: 1.5,
  },
  { kind: "truth", gpu: 0, from: T0, to: T0 + 9, label: "mining-like", workload: "a miner" },
  { kind: "phase", t: T0, name: "secret phase" },
  { kind: "gap", source: "nvml", from: T0 + 1, to: T0 + 9, reason: "the driver hung" },
  busy(10),
];

describe("an inspection as text", () => {
  it("says everything that is in the recording", async () => {
    const overhead = { readings: 20, meanMs: 1.25, maxMs: 4, cpuMs: 0.5 };
    const gpus = [
      {
        ...HEADER.gpus[0],
        driverVersion: "555.1",
        powerLimitWatts: 300,
        measuredWith: { powerWatts: "aCall", tempC: "aCall", gpuUtil: "another" },
      },
    ];
    const text = await textOf(FULL, { ...HEADER, overhead, gpus });
    for (const words of [
      /node +n1, measured by nvml every 1 s/,
      /span +2023-11-14T22:13:20.000Z to 2023-11-14T22:13:30.000Z, 10 s/,
      /overhead +a reading took 1\.25 ms, 4\.00 ms at most \(of 20\)/,
      /lines +11: recording 1, gpu 2, .*truth 1, phase 1/,
      /processes +on GPU 0: 1 seen \(1 lists, 0 of them empty/,
      /beside them: 2 seen/,
      /gaps +1\n +2023-11-14T22:13:21.000Z 8\.0 s \(nvml\): the driver hung/,
      /collector +nvml is ready: 5 readings, 1 failed, 2 dropped, 1\.50 ms each/,
      /GPU 0 +Model A, limit 300 W, driver 555\.1, GPU-a/,
      /2 samples, one in 10000 ms/,
      /1 hole without a sample, 10 s in all, told of by gap lines/,
      /powerWatts +100 % +200\.0 W +200\.0 W +200\.0 W$/m,
      /measured by: another \(gpuUtil\); aCall \(powerWatts, tempC\)/,
      /driver's buffer of power: 2 values in 1 lines, one in 20\.0 ms/,
      /health, 1 lines: eccCorrected 2, Xid 79 1 times/,
    ])
      expect(text.replace(/,\n +/g, ", ")).toMatch(words);
  });

  it("never shows what lines for evaluation say, in any form", async () => {
    const inspection = await inspected(FULL);
    const figure = JSON.stringify(inspectionFigure(inspection));
    const texts = [inspectionText(inspection, CHARTED, PAGE), inspectionJson(inspection), figure];
    for (const text of texts) expect(text).not.toMatch(/mining|a miner|secret/);
    expect(texts[0]).toContain("truth 1");
  });

  it("says loudly that nothing real was measured, and only then", async () => {
    const simulated = { ...HEADER, simulated: true };
    expect(await textOf([busy(0)], simulated)).toMatch(/\n\*\*\* SIMULATED/);
    expect(await textOf([busy(0)])).not.toMatch(/simulated/i);
    expect(JSON.parse(inspectionJson(await inspected([busy(0)], simulated)))).toMatchObject({
      simulated: true,
    });
    expect(inspectionFigure(await inspected([busy(0)], simulated)).warning).toMatch(/SIMULATED/);
    expect(inspectionFigure(await inspected([busy(0)])).warning).toBeUndefined();
  });

  it("does not call a hole announced that no line tells of", async () => {
    expect(await textOf([busy(0), busy(10)])).toMatch(/1 that no gap line tells of/);
    expect(await textOf([busy(0), busy(3)])).not.toMatch(/hole/);
  });

  it("draws the course with a blank in the hole, and the ends of the scale", async () => {
    const seconds = [...Array(20).keys(), ...Array.from({ length: 20 }, (_, i) => 40 + i)];
    const text = await textOf(seconds.map(busy));
    expect(text).toMatch(/^ {2}gpuUtil 0\.0 % +█{8,} {8,}█{8,} 100\.0 %$/m);
    expect(text).toMatch(/^ {2}powerWatts 0\.0 W +█{8,} {8,}█{8,} 200\.0 W$/m);
    const ascii = await textOf(seconds.map(busy), HEADER, { width: 80, unicode: false });
    expect(ascii).toMatch(/^ {2}gpuUtil 0\.0 % +#{8,} {8,}#{8,} 100\.0 %$/m);
  });

  it("shows hostile texts escaped, wherever they stand", async () => {
    const gpus = [
      {
        index: 0,
        uuid: HOSTILE,
        model: HOSTILE,
        driverVersion: HOSTILE,
        measuredWith: { gpuUtil: HOSTILE },
      },
    ];
    const header = { ...HEADER, node: HOSTILE, source: HOSTILE, gpus };
    const lines = [
      busy(0),
      { kind: HOSTILE },
      { kind: "gap", source: HOSTILE, from: T0, to: T0 + 1, reason: HOSTILE },
      {
        kind: "samples",
        t: T0,
        gpu: 0,
        signal: HOSTILE,
        unit: HOSTILE,
        from: T0,
        offsetsMs: [],
        values: [],
      },
      {
        kind: "collector",
        t: T0,
        name: HOSTILE,
        state: HOSTILE,
        detail: HOSTILE,
        readings: 0,
        failures: 0,
        drops: 0,
      },
      busy(1),
    ];
    const inspection = await inspected(lines, header);
    const views = [
      inspectionText(inspection, CHARTED, PAGE),
      inspectionJson(inspection),
      JSON.stringify(inspectionFigure(inspection)),
    ];
    // eslint-disable-next-line no-control-regex
    for (const view of views) expect(view).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(views[0]).toContain("\\u{1b}[31mred");
  });

  it.each([40, 60, 80, 200])("fits %d columns, and loses no gap's reason by it", async (width) => {
    const reason = "a reason of many words ".repeat(8).trim();
    const gap = { kind: "gap", source: "nvml", from: T0 + 1, to: T0 + 9, reason };
    const all = Object.fromEntries(GPU_QUANTITIES.map((name) => [name, 1]));
    const text = await textOf(
      [gpuLine(0, 0, all), gap, ...FULL.slice(1, 6), gpuLine(10, 1, all)],
      HEADER,
      {
        width,
        unicode: true,
      },
    );
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(width);
    expect(text.replace(/\s+/g, " ")).toContain(reason);
  });

  it("is ASCII alone where the terminal knows no more", async () => {
    const header = { ...HEADER, node: "Überwachung 計測 …" };
    const text = await textOf([busy(0)], header, { width: 80, unicode: false });
    expect(text).toMatch(/^[\n\x20-\x7e]*$/);
    expect(text).toContain("\\u{dc}berwachung");
    expect(await textOf([busy(0)], header)).toContain("Überwachung 計測");
  });
});

describe("lines", () => {
  it("are broken without losing a word, at any width", () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1 });
    fc.assert(
      fc.property(words, fc.integer({ min: 10, max: 60 }), (list, width) => {
        const lines = wrapped(`name  ${list.join(" ")}`, width);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
        expect(lines.join("").replace(/\s/g, "")).toBe(`name${list.join("")}`);
      }),
    );
  });

  it("stand below their text", () => {
    expect(wrapped("gaps       one two three", 20)).toEqual([
      "gaps       one two",
      "          three",
    ]);
    expect(asciiOnly("a…b\u{1f600}\n")).toBe("a...b\\u{1f600}\n");
  });
});

describe("an inspection as JSON", () => {
  it("is one object with what the text says, and nothing of the pictures", async () => {
    const parsed: unknown = JSON.parse(inspectionJson(await inspected(FULL)));
    expect(parsed).toMatchObject({
      simulated: false,
      fromMs: T0 * 1000,
      durationMs: 10_000,
      lines: 11,
      kinds: { recording: 1, gpu: 2, truth: 1, phase: 1 },
      gapCount: 1,
      host: { lists: 1, pids: 2 },
      devices: [
        {
          samples: 2,
          intervals: { medianMs: 10_000, maxMs: 10_000 },
          holes: [{ announced: true }],
          quantities: [{ quantity: "gpuUtil", share: 1, mean: 1 }, { quantity: "powerWatts" }],
          health: { xids: { "79": 1 } },
        },
        { samples: 0, quantities: [] },
      ],
      warnings: [],
    });
    expect(JSON.stringify(parsed)).not.toContain("points");
  });
});
