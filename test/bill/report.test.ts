import { describe, expect, it } from "vitest";
import { parsePriceList } from "../../src/bill/price-list.ts";
import { renderReportJson } from "../../src/bill/render/json.ts";
import { buildReport } from "../../src/bill/report.ts";
import type { GroupKey } from "../../src/bill/report-types.ts";
import type { KnownGpu } from "../../src/ledger/contract.ts";
import { AssayError } from "../../src/model/errors.ts";
import type { Slice } from "../../src/model/slice.ts";
import { MemoryLedger, type MemoryLedgerContent } from "../support/memory-ledger.ts";
import { H100, gpu, slice } from "../support/slices.ts";

const NOW = 1_000_000;
const ONE_A_MS = parsePriceList(
  'currency: USD\ngpus:\n  - { model: "NVIDIA H100*", perGpuHour: 3.6, from: 1970-01-01 }\n',
  "prices.yaml",
);

interface Options {
  fromMs?: number;
  toMs?: number;
  groupBy?: GroupKey[];
  nowMs?: number;
  prices?: typeof ONE_A_MS | undefined;
}

const reportOf = (content: MemoryLedgerContent, options: Options = {}) =>
  buildReport({
    ledger: new MemoryLedger(content),
    prices: "prices" in options ? options.prices : ONE_A_MS,
    window: { fromMs: options.fromMs ?? 0, toMs: options.toMs ?? 20_000 },
    groupBy: options.groupBy ?? ["owner", "label"],
    nowMs: options.nowMs ?? NOW,
  });

const timesOf = (report: Awaited<ReturnType<typeof reportOf>>) =>
  Object.fromEntries(report.lines.map((line) => [Object.values(line.group).join(" "), line.gpuMs]));

async function errorOf(content: MemoryLedgerContent, options?: Options): Promise<AssayError> {
  const failed: unknown = await reportOf(content, options).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failed instanceof AssayError) return failed;
  throw new Error("a report was made");
}

const alice = (fromMs: number, toMs: number, extra: Partial<Slice> = {}) =>
  slice("G", fromMs, toMs, "user:alice", "training-like", extra);

describe("unobserved time", () => {
  it("is none where slices fill the window", async () => {
    const report = await reportOf({
      gpus: [gpu("G")],
      slices: [alice(0, 10_000), alice(10_000, 20_000)],
    });
    expect(timesOf(report)).toEqual({ "user:alice training-like": 20_000 });
    expect([report.coverage, report.unobserved]).toEqual([1, []]);
  });

  it("is a line of its own for a hole, and the hole is listed", async () => {
    const report = await reportOf(
      { gpus: [gpu("G")], slices: [alice(0, 10_000), alice(20_000, 30_000)] },
      { toMs: 40_000 },
    );
    expect(timesOf(report)).toEqual({
      "user:alice training-like": 20_000,
      "unobserved unobserved": 20_000,
    });
    expect(report.unobserved.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [10_000, 20_000],
      [30_000, 40_000],
    ]);
  });

  it("said by a slice is told apart from a hole", async () => {
    const quiet = slice("G", 10_000, 20_000, "unobserved", "unknown", { timeMs: 4000 });
    const report = await reportOf({
      gpus: [gpu("G")],
      slices: [alice(0, 10_000), alice(10_000, 20_000, { timeMs: 6000 }), quiet],
    });
    expect(report.reconciliation).toMatchObject({
      observedMs: 16_000,
      recordedUnobservedMs: 4000,
      unrecordedMs: 0,
      stretchesMs: 4000,
    });
    expect(report.unobserved).toMatchObject([{ fromMs: 10_000, toMs: 20_000, hole: false }]);
  });

  it("begins with the slice a device was first seen in, not before", async () => {
    const late = gpu("G", { firstSeenMs: 13_500 });
    const report = await reportOf({ gpus: [late], slices: [alice(10_000, 20_000)] });
    expect(report.totals.gpuMs).toBe(10_000);
    expect(report.coverage).toBe(1);
  });

  it("is the whole time of a device that fell silent", async () => {
    const report = await reportOf({ gpus: [gpu("G")], slices: [] }, { groupBy: ["gpu"] });
    expect(report.lines).toMatchObject([{ charge: "unobserved", gpuMs: 20_000 }]);
    expect(report.coverage).toBe(0);
  });

  it("does not reach into the future", async () => {
    const content = { gpus: [gpu("G")], slices: [alice(0, 10_000)] };
    expect((await reportOf(content, { nowMs: 15_000 })).totals.gpuMs).toBe(15_000);
    expect((await reportOf(content, { nowMs: 5000 })).totals.gpuMs).toBe(10_000);
  });

  it("is not a device that was first seen after the window", async () => {
    const report = await reportOf({ gpus: [gpu("G", { firstSeenMs: 30_000 })] });
    expect([report.lines, report.totals.gpuMs, report.coverage]).toEqual([[], 0, undefined]);
  });
});

describe("lines", () => {
  const mixed = {
    gpus: [gpu("G"), gpu("H", { index: 1 })],
    slices: [
      alice(0, 10_000, { timeMs: 7000 }),
      slice("G", 0, 10_000, "idle", "idle", { timeMs: 3000 }),
      slice("H", 0, 10_000, "user:alice", "idle"),
    ],
  };

  it("never mix used, idle and unobserved time, however they are grouped", async () => {
    const report = await reportOf(mixed, { groupBy: ["node"] });
    expect(report.lines.map(({ charge, gpuMs }) => [charge, gpuMs])).toEqual([
      ["used", 17_000],
      ["idle", 3000],
      ["unobserved", 20_000],
    ]);
  });

  it("leave time that an owner holds without using with the owner", async () => {
    expect(timesOf(await reportOf(mixed))).toMatchObject({ "user:alice idle": 10_000 });
  });

  it("are three at most without a grouping", async () => {
    expect((await reportOf(mixed, { groupBy: [] })).lines).toHaveLength(3);
  });

  it("keep energy that was not measured apart from none", async () => {
    const report = await reportOf({
      gpus: [gpu("G")],
      slices: [alice(0, 10_000, { energyMj: 0 }), alice(10_000, 20_000)],
    });
    expect(report.totals).toMatchObject({ energyMj: 0, energyUnmeasuredMs: 10_000 });
  });

  it("have idle and dynamic energy, and the time of which neither is known", async () => {
    const known = { energyMj: 100, idleEnergyMj: 30 };
    const slices = [
      slice("GPU-a", 0, 10_000, "user:a", "other", known),
      slice("GPU-a", 10_000, 20_000, "user:a", "other", { energyMj: 50 }),
    ];
    const report = await reportOf({ gpus: [gpu("GPU-a")], slices });
    expect(report.lines[0]).toMatchObject({
      energyMj: 150,
      idleEnergyMj: 30,
      dynamicEnergyMj: 70,
      energyUnsplitMs: 10_000,
    });
    expect(JSON.parse(renderReportJson(report))).toMatchObject({
      lines: [{ energyMj: 150, idleEnergyMj: 30, dynamicEnergyMj: 70, energyUnsplitMs: 10_000 }],
    });
    const none = await reportOf(
      { gpus: [gpu("GPU-a")], slices: slices.slice(1) },
      { fromMs: 10_000 },
    );
    expect(JSON.parse(renderReportJson(none)).lines[0]).not.toHaveProperty("idleEnergyMj");
  });

  it("have no costs without a price list", async () => {
    const report = await reportOf(mixed, { prices: undefined });
    expect([report.currency, report.totals.cost, report.lines[0]?.cost]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("a window's ends", () => {
  it("cut the slices that lie across them", async () => {
    const report = await reportOf(
      { gpus: [gpu("G")], slices: [alice(0, 10_000, { energyMj: 1000 }), alice(10_000, 20_000)] },
      { fromMs: 2500, toMs: 12_500 },
    );
    expect(report.totals).toMatchObject({ gpuMs: 10_000, energyMj: 750 });
    expect(report.coverage).toBe(1);
  });

  it("may both lie in one slice", async () => {
    const report = await reportOf(
      { gpus: [gpu("G")], slices: [alice(0, 10_000, { energyMj: 1000 })] },
      { fromMs: 4000, toMs: 6000 },
    );
    expect(report.totals).toMatchObject({ gpuMs: 2000, energyMj: 200 });
  });

  it.each([
    [10, 10],
    [20, 10],
    [0.5, 10],
    [0, Number.NaN],
  ])("%d to %d is no window", async (fromMs, toMs) => {
    expect((await errorOf({}, { fromMs, toMs })).code).toBe("report/window");
  });
});

describe("a missing price", () => {
  const a100 = gpu("G", { model: "NVIDIA A100-SXM4-80GB" });

  it("names the GPU, the node, the stretch, and what to add", async () => {
    const error = await errorOf({ gpus: [a100], slices: [alice(0, 10_000)] });
    expect(error.code).toBe("price/missing");
    expect(error.message).toBe(
      'No price for "NVIDIA A100-SXM4-80GB" on node node-a from 1970-01-01T00:00:00Z to 1970-01-01T00:00:20Z.',
    );
    const added = error.hint?.split("\n").slice(1).join("\n") ?? "";
    const mended = parsePriceList(`currency: USD\ngpus:\n${added}\n`, "prices.yaml");
    expect(mended.gpus[0]?.pattern).toBe("NVIDIA A100-SXM4-80GB");
  });

  it("is only one in the stretch without it", async () => {
    const late = parsePriceList(
      `currency: USD\ngpus:\n  - { model: "${H100}", perGpuHour: 1, from: 1970-01-01T00:00:10Z }\n`,
      "prices.yaml",
    );
    const content = { gpus: [gpu("G")], slices: [alice(10_000, 20_000)] };
    const error = await errorOf(content, { prices: late });
    expect(error.message).toContain("from 1970-01-01T00:00:00Z to 1970-01-01T00:00:10Z");
    const known = { gpus: [gpu("G", { firstSeenMs: 10_000 })], slices: content.slices };
    expect((await reportOf(known, { prices: late })).totals.gpuMs).toBe(10_000);
  });
});

describe("a simulated GPU", () => {
  it.each([true, false])("marks the whole report: %s", async (simulated) => {
    const gpus: KnownGpu[] = [gpu("G"), gpu("H", { index: 1, simulated })];
    const report = await reportOf({ gpus, slices: [alice(0, 10_000)] });
    expect(report.simulated).toBe(simulated);
  });
});

describe("a ledger whose slices break the law of the window", () => {
  it.each([
    [
      "claim more time than there is",
      [alice(0, 10_000), slice("G", 0, 10_000, "user:bob", "other")],
    ],
    ["do not fill their window", [alice(0, 10_000, { timeMs: 9000 })]],
    ["lie before the device was seen", [alice(0, 10_000), alice(10_000, 20_000)]],
    ["are of a device nobody listed", [slice("X", 0, 10_000, "user:bob", "other")]],
  ])("is refused where they %s", async (what, slices) => {
    const firstSeenMs = what.includes("before") ? 15_000 : 0;
    const error = await errorOf({ gpus: [gpu("G", { firstSeenMs })], slices });
    expect(error.code).toBe("report/unreconciled");
  });

  it("is told how much too much the slices claim, and where", async () => {
    const slices = [alice(0, 10_000), slice("G", 0, 10_000, "user:bob", "other")];
    const error = await errorOf({ gpus: [gpu("G")], slices }, { toMs: 10_000 });
    expect(error.message).toBe("Slices claim 10000 ms more than there are.");
    expect(error.place).toBe("GPU G, 1970-01-01T00:00:00Z to 1970-01-01T00:00:10Z");
  });

  it("is refused where a cut goes through such a window", async () => {
    const slices = [alice(0, 10_000, { timeMs: 9000 })];
    const error = await errorOf({ gpus: [gpu("G")], slices }, { fromMs: 5000 });
    expect(error.message).toBe("Slices sum to 9000 ms of a 10000 ms window.");
  });
});

describe("a ledger that grows while a report is read", () => {
  it("is read again", async () => {
    const slices = [alice(0, 10_000), alice(10_000, 20_000)];
    const before = new MemoryLedger({ gpus: [gpu("G")], slices: slices.slice(0, 1) });
    const after = new MemoryLedger({ gpus: [gpu("G")], slices });
    const reads = { usage: 0 };
    const ledger = Object.assign(after, {
      usage: (bounds: readonly number[]) =>
        reads.usage++ === 0
          ? before.usage(bounds)
          : MemoryLedger.prototype.usage.call(after, bounds),
    });
    const window = { fromMs: 0, toMs: 20_000 };
    const report = await buildReport({
      ledger,
      prices: undefined,
      window,
      groupBy: [],
      nowMs: NOW,
    });
    expect([report.coverage, reads.usage]).toEqual([1, 2]);
  });
});
