import { describe, expect, it } from "vitest";
import type { HealthReading } from "../../src/export/health.ts";
import { type Metrics, createMetrics } from "../../src/export/prometheus.ts";
import { type Series, parseExposition } from "../support/exposition.ts";
import { gpu, slice } from "../support/slices.ts";

const metrics = (): Metrics =>
  createMetrics({ agentVersion: "1.2.3", modelVersion: "m-7", node: 'rack "1"\\a' });

const health = (extra: Partial<HealthReading> = {}): HealthReading => ({
  collectors: [
    {
      name: "nvml",
      state: "ready",
      lastDurationMs: 12,
      meanDurationMs: 8,
      maxDurationMs: 250,
      lastSuccessAtMs: 1500,
      successes: 9,
      failures: 1,
      drops: 2,
    },
    { name: "amdgpu", state: "absent", successes: 0, failures: 0, drops: 0 },
  ],
  ledger: { queued: 3, dropped: 4, failing: false },
  alerts: { firing: 2 },
  outbox: { due: 1, delivered: 5, dead: 6 },
  gpus: [{ ...gpu("G"), stalenessMs: 1500, measuredWith: { gpuUtil: "nvmlDeviceGetSamples" } }],
  sampling: { intervalMs: 100, fastMs: 30_000, refused: 7 },
  ...extra,
});

async function seriesOf(of: Metrics): Promise<Series[]> {
  const { series, problems } = parseExposition(await of.render());
  expect(problems).toEqual([]);
  return series;
}

const pick = (all: readonly Series[], name: string, labels: Record<string, string> = {}) =>
  all
    .filter((each) => each.name === `gpu_assay_${name}`)
    .filter((each) => Object.entries(labels).every(([key, value]) => each.labels[key] === value))
    .map((each) => each.value);

describe("the metrics text", () => {
  it("is well formed with everything in it, and names have base units", async () => {
    const of = metrics();
    of.observeSlices([slice("G", 0, 10_000, "user:a", "other", { energyMj: 5 })]);
    of.setHealth(health());
    const series = await seriesOf(of);
    expect(series.length).toBeGreaterThan(20);
    expect(series.filter(({ name }) => /_(ms|mj|millis|kwh|minutes)\b/.test(name))).toEqual([]);
  });

  it("escapes what label values hold", async () => {
    const series = await seriesOf(metrics());
    const info = series.find((each) => each.name === "gpu_assay_build_info");
    expect(info?.labels).toEqual({
      agent_version: "1.2.3",
      model_version: "m-7",
      node: 'rack "1"\\a',
    });
  });

  it("is one registry's: two of them do not share a count", async () => {
    const [one, two] = [metrics(), metrics()];
    one.observeSlices([slice("G", 0, 10_000, "user:a", "other")]);
    expect(pick(await seriesOf(one), "gpu_seconds_total")).toEqual([10]);
    expect(pick(await seriesOf(two), "gpu_seconds_total")).toEqual([]);
  });
});

describe("usage", () => {
  it("sums exactly over many windows, and rendering twice adds nothing", async () => {
    const of = metrics();
    for (let i = 0; i < 1000; i++)
      of.observeSlices([slice("G", i * 100, i * 100 + 100, "user:a", "other", { energyMj: 1 })]);
    await of.render();
    const series = await seriesOf(of);
    expect(pick(series, "gpu_seconds_total")).toEqual([100]);
    expect(pick(series, "energy_joules_total")).toEqual([1]);
  });

  it("has as many series as kinds of owners, however many owners there are", async () => {
    const of = metrics();
    for (let i = 0; i < 500; i++)
      of.observeSlices([slice("G", i * 10, i * 10 + 10, `user:u${i}`, "other")]);
    const series = await seriesOf(of);
    expect(pick(series, "gpu_seconds_total")).toEqual([5]);
    expect(JSON.stringify(series)).not.toContain("u499");
  });

  it("does not say zero joules where energy was not measured", async () => {
    const of = metrics();
    of.observeSlices([slice("G", 0, 10_000, "user:a", "other")]);
    const unmeasured = await seriesOf(of);
    expect(pick(unmeasured, "energy_joules_total")).toEqual([]);
    expect(pick(unmeasured, "energy_unmeasured_seconds_total")).toEqual([10]);
    of.observeSlices([slice("G", 10_000, 20_000, "user:a", "other", { energyMj: 0 })]);
    expect(pick(await seriesOf(of), "energy_joules_total")).toEqual([0]);
  });

  it("shows how the newest window was shared, and forgets the one before", async () => {
    const of = metrics();
    of.observeSlices([slice("G", 0, 10_000, "user:a", "mining-like")]);
    of.observeSlices([
      slice("G", 10_000, 20_000, "user:a", "other", { timeMs: 7500 }),
      slice("G", 10_000, 20_000, "unobserved", "unknown", { timeMs: 2500 }),
    ]);
    of.observeSlices([slice("G", 0, 10_000, "user:late", "idle")]);
    const series = await seriesOf(of);
    const ratio = (label: string) => pick(series, "gpu_label_ratio", { label })[0];
    expect([ratio("other"), ratio("unobserved"), ratio("mining-like"), ratio("idle")]).toEqual([
      0.75, 0.25, 0, 0,
    ]);
    expect(pick(series, "gpu_last_window_end_timestamp_seconds")).toEqual([20]);
  });
});

describe("health", () => {
  it("says what each collector did", async () => {
    const of = metrics();
    of.setHealth(health());
    const series = await seriesOf(of);
    const nvml = { collector: "nvml" };
    expect(pick(series, "collector_state", { ...nvml, state: "ready" })).toEqual([1]);
    expect(pick(series, "collector_state", { ...nvml, state: "failing" })).toEqual([0]);
    expect(pick(series, "collector_duration_seconds", nvml)).toEqual([0.012]);
    expect(pick(series, "collector_duration_mean_seconds", nvml)).toEqual([0.008]);
    expect(pick(series, "collector_duration_max_seconds", nvml)).toEqual([0.25]);
    expect(pick(series, "collector_duration_max_seconds", { collector: "amdgpu" })).toEqual([]);
    expect(pick(series, "collector_last_success_timestamp_seconds", nvml)).toEqual([1.5]);
    expect(pick(series, "collector_successes_total", nvml)).toEqual([9]);
    expect(pick(series, "collector_failures_total", nvml)).toEqual([1]);
    expect(pick(series, "collector_drops_total", nvml)).toEqual([2]);
    expect(pick(series, "collector_duration_seconds", { collector: "amdgpu" })).toEqual([]);
  });

  it("says what waits, what was lost, and which alerts there are", async () => {
    const of = metrics();
    of.setHealth(health());
    const series = await seriesOf(of);
    expect(pick(series, "ledger_queue_records")).toEqual([3]);
    expect(pick(series, "ledger_dropped_records_total")).toEqual([4]);
    expect(pick(series, "alerts", { state: "firing" })).toEqual([2]);
    expect(pick(series, "alerts", { state: "pending" })).toEqual([0]);
    expect(pick(series, "outbox_messages", { state: "dead" })).toEqual([6]);
    expect(pick(series, "outbox_delivered_total")).toEqual([5]);
    expect(pick(series, "gpu_info", { gpu: "G", simulated: "false" })).toEqual([1]);
  });

  it("says how often it samples, and what that cost", async () => {
    const of = metrics();
    of.setHealth(health());
    const series = await seriesOf(of);
    expect(pick(series, "sampling_interval_seconds")).toEqual([0.1]);
    expect(pick(series, "sampling_fast_seconds_total")).toEqual([30]);
    expect(pick(series, "sampling_fast_refused_total")).toEqual([7]);
  });

  it("say what probes took, owe and were refused for, and nothing where there are none", async () => {
    const m = metrics();
    m.setHealth(health());
    const names = (await seriesOf(m)).map(({ name }) => name);
    expect(names.filter((name) => name.includes("_probe_"))).toEqual([]);
    const probe = {
      uuid: "G",
      state: "backing-off",
      restarts: 1,
      runs: 5,
      gpuSeconds: 0.004,
      debtSeconds: 0.001,
      refusals: { busy: 3 },
    };
    m.setHealth(health({ probes: [probe] }));
    const series = await seriesOf(m);
    expect(pick(series, "probe_state", { state: "backing-off" })).toEqual([1]);
    expect(pick(series, "probe_state", { state: "ready" })).toEqual([0]);
    expect(pick(series, "probe_runs_total", { gpu: "G" })).toEqual([5]);
    expect(pick(series, "probe_gpu_seconds_total")).toEqual([0.004]);
    expect(pick(series, "probe_debt_seconds")).toEqual([0.001]);
    expect(pick(series, "probe_restarts_total")).toEqual([1]);
    expect(pick(series, "probe_refused_total", { reason: "busy" })).toEqual([3]);
  });

  it("says of a device how stale it is and what it is measured with", async () => {
    const of = metrics();
    of.setHealth(health({ gpus: [gpu("F"), ...health().gpus] }));
    const series = await seriesOf(of);
    expect(pick(series, "device_staleness_seconds", { gpu: "G" })).toEqual([1.5]);
    expect(pick(series, "device_staleness_seconds", { gpu: "F" })).toEqual([]);
    const measured = series.filter(({ name }) => name === "gpu_assay_device_measured");
    expect(measured.map(({ labels }) => labels)).toEqual([
      { gpu: "G", quantity: "gpuUtil", with: "nvmlDeviceGetSamples" },
    ]);
  });

  it("has a bounded series for each known quantity, whatever a driver says", async () => {
    const of = metrics();
    const hostile = Object.fromEntries(
      Array.from({ length: 1000 }, (_, i) => [`quantity${i}`, "x"]),
    );
    const measuredWith = { ...hostile, powerWatts: `a\n\u202e${"b".repeat(500)}` };
    of.setHealth(health({ gpus: [{ ...gpu("G"), measuredWith }] }));
    const measured = (await seriesOf(of)).filter(({ name }) => name.endsWith("device_measured"));
    expect(measured).toHaveLength(1);
    const { quantity, with: by = "" } = measured[0]?.labels ?? {};
    expect(quantity).toBe("powerWatts");
    expect(by.length).toBeLessThan(100);
    expect(by).toMatch(/^a\\u\{a\}\\u\{202e\}b+…$/);
  });

  it("replaces the reading before, and what is not known has no series", async () => {
    const of = metrics();
    of.setHealth(health());
    of.setHealth(
      health({
        ledger: undefined,
        alerts: undefined,
        outbox: undefined,
        sampling: undefined,
        collectors: [],
        gpus: [],
      }),
    );
    const names = (await seriesOf(of)).map((each) => each.name);
    expect(names).toEqual(["gpu_assay_build_info"]);
  });

  it("does not count twice what it is told twice", async () => {
    const of = metrics();
    of.setHealth(health());
    of.setHealth(health());
    expect(pick(await seriesOf(of), "outbox_delivered_total")).toEqual([5]);
  });
});
