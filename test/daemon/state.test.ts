import { describe, expect, it } from "vitest";
import type { CollectorHealth } from "../../src/collect/contract.ts";
import { RateController } from "../../src/collect/rate.ts";
import { DaemonState, type DaemonStateParts } from "../../src/daemon/state.ts";
import { AssayError } from "../../src/model/errors.ts";
import { createMetrics } from "../../src/export/prometheus.ts";
import type { Observation } from "../../src/model/observation.ts";
import { BufferedWriter, type WriterStatus } from "../../src/ledger/buffered-writer.ts";
import { parseExposition } from "../support/exposition.ts";

const source = (state: CollectorHealth["state"]): CollectorHealth => ({
  name: "nvml",
  state,
  detail: "driver gone",
  successes: 1,
  failures: 0,
  drops: 0,
});

const FULL = new AssayError("ledger/full", "disk is full");

/** A writer in the state that `append` brings it to. */
async function writerAfter(append: () => Promise<void>): Promise<BufferedWriter> {
  const failing = new Promise<WriterStatus>((resolve) => {
    const writer = new BufferedWriter({
      ledger: { append },
      maxQueuedBatches: 10,
      sleep: async () => new Promise(() => {}),
      onChange: resolve,
    });
    writer.enqueue({ gaps: [{ node: "n", source: "s", reason: "r", fromMs: 0, toMs: 1 }] });
    made = writer;
  });
  await Promise.race([failing, made?.drained()]);
  if (!made) throw new Error("no writer");
  return made;
}
let made: BufferedWriter | undefined;

const partsOf = async (append: () => Promise<void>): Promise<DaemonStateParts> => ({
  node: "n",
  metrics: createMetrics({ agentVersion: "0", modelVersion: "0", node: "n" }),
  writer: await writerAfter(append),
  collectors: () => [],
  openIncidents: () => [],
  outboxStatus: async () => ({ due: 0, delivered: 0, dead: 0 }),
  noteGpu: () => {},
  startedAtMs: 0,
  nowMs: () => 0,
  minConfidence: 0.8,
});

const stateOf = async (more: {
  collectors?: CollectorHealth[];
  append?: () => Promise<void>;
  dead?: number;
  parts?: Partial<DaemonStateParts>;
}): Promise<DaemonState> => {
  const state = new DaemonState({
    ...(await partsOf(more.append ?? (async () => {}))),
    collectors: () => more.collectors ?? [],
    outboxStatus: async () => ({ due: 0, delivered: 0, dead: more.dead ?? 0 }),
    ...more.parts,
  });
  await state.refresh();
  return state;
};

describe("the daemon's health", () => {
  it("has no reasons while all is well, and an absent source is well", async () => {
    const state = await stateOf({ collectors: [source("ready"), source("absent")] });
    expect(state.health()).toMatchObject({ node: "n", reasons: [] });
  });

  it("names a source that fails, with its detail", async () => {
    const state = await stateOf({ collectors: [source("failing")] });
    expect(state.health().reasons).toEqual(["source nvml fails: driver gone"]);
  });

  it("names a ledger that cannot be written", async () => {
    const state = await stateOf({ append: async () => Promise.reject(FULL) });
    expect(state.health().reasons.join()).toMatch(/ledger cannot be written .*disk is full/);
  });

  it("names alerts that could not be delivered", async () => {
    const state = await stateOf({ dead: 2 });
    expect(state.health().reasons).toEqual(["2 alert messages could not be delivered"]);
  });

  it("keeps its last answer where the ledger cannot be asked", async () => {
    let dead = 1;
    const outboxStatus = async () =>
      dead > 0 ? { due: 0, delivered: 0, dead } : Promise.reject(new Error("worker died"));
    const state = await stateOf({ parts: { outboxStatus } });
    dead = 0;
    await state.refresh();
    expect(state.health().reasons).toHaveLength(1);
  });
});

describe("a live node's devices", () => {
  const node: Observation = {
    kind: "node",
    atMs: 0,
    node: "n",
    source: "nvml",
    simulated: false,
    intervalMs: 1000,
    gpus: [
      { index: 0, uuid: "GPU-a", model: "m", measuredWith: { gpuUtil: "a call\u202e" } },
      { index: 1, uuid: "GPU-b", model: "m" },
    ],
  };
  let nowMs = 0;

  /** Both are listed at 0; the first has a sample at 4 s. */
  const after = async (silentMs: number, more: Partial<DaemonStateParts> = {}) => {
    nowMs = 4000 + silentMs;
    const rate = new RateController({
      intervalMs: 1000,
      fastIntervalMs: 100,
      holdMs: 0,
      budget: 0.1,
      windowMs: 10_000,
    });
    rate.ask("a test", 0);
    rate.intervalMs(0);
    const live = { nowMs: () => nowMs, collectorOf: () => "nvml", rate };
    const state = await stateOf({ collectors: [source("ready")], parts: { ...live, ...more } });
    const watch = state.watching({});
    watch.observation?.(node);
    watch.observation?.({ kind: "gpu", atMs: 4000, gpu: 0 });
    watch.observation?.({ kind: "gpu", atMs: 4000, gpu: 7 });
    return state;
  };
  const first = async (silentMs: number, more: Partial<DaemonStateParts> = {}) =>
    (await after(silentMs, more)).health().reasons.filter((reason) => reason.startsWith("gpu0"));

  it("are silent after ten seconds, and health says so", async () => {
    expect(await first(10_000)).toEqual([]);
    expect(await first(10_001)).toEqual([
      "gpu0 (GPU-a) has told nothing for 10 s though source nvml works",
    ]);
  });

  it("are silent where their source is gone, and health says that it is", async () => {
    const collectors = () => [source("absent")];
    expect(await first(10_000, { collectors })).toEqual([]);
    expect(await first(10_001, { collectors })).toEqual([
      expect.stringMatching(/^gpu0 \(GPU-a\) has told nothing for 10 s and source nvml is gone: /),
    ]);
  });

  it("are silent later where the interval is long", async () => {
    const slow = await after(10_001);
    slow.watching({}).observation?.({ ...node, intervalMs: 5000 });
    expect(slow.health().reasons.filter((reason) => reason.startsWith("gpu0"))).toEqual([]);
    nowMs = 4000 + 25_001;
    expect(slow.health().reasons).toHaveLength(2);
  });

  it("are no reason of their own where their source does not work, or nothing is live", async () => {
    const collectors = () => [source("failing")];
    expect(await first(20_000, { collectors })).toEqual([]);
    expect(await first(20_000, { collectorOf: () => "dcgm" })).toEqual([]);
    expect(await first(20_000, { collectorOf: undefined })).toEqual([]);
  });

  it("have their staleness in the metrics, from their listing before the first sample", async () => {
    const state = await after(2000);
    const { series, problems } = parseExposition(await state.renderMetrics());
    expect(problems).toEqual([]);
    const of = (name: string) =>
      series.flatMap((each) => (each.name === name ? [[each.labels, each.value]] : []));
    expect(of("gpu_assay_device_staleness_seconds")).toEqual([
      [{ gpu: "GPU-a" }, 2],
      [{ gpu: "GPU-b" }, 6],
    ]);
    expect(of("gpu_assay_device_measured")).toEqual([
      [{ gpu: "GPU-a", quantity: "gpuUtil", with: "a call\\u{202e}" }, 1],
    ]);
    expect(of("gpu_assay_sampling_interval_seconds")).toEqual([[{}, 0.1]]);
  });

  it("have none in a replay", async () => {
    const state = await after(2000, { collectorOf: undefined, rate: undefined });
    const text = await state.renderMetrics();
    expect(text).not.toMatch(/^gpu_assay_(device_staleness|sampling_)/m);
    expect(text).toMatch(/^gpu_assay_gpu_info/m);
  });

  it("are forgotten when they are no longer listed", async () => {
    const state = await after(20_000);
    state.watching({}).observation?.({ ...node, gpus: [] });
    expect(state.health().reasons).toEqual([]);
  });
});
