import { describe, expect, it } from "vitest";
import { type HealthSnapshot, healthProblems } from "../../src/export/health.ts";
import { MAX_SERIES_PER_GPU, Metrics } from "../../src/export/prometheus.ts";
import { LABELS } from "../../src/model/label.ts";
import { OWNER_KINDS } from "../../src/model/owner.ts";
import { incident, slice } from "../ledger/fixtures/make.ts";

const HEALTH: HealthSnapshot = {
  node: "n",
  version: "1.2.3",
  simulated: false,
  source: "a test",
  startedAtMs: 0,
  sources: [
    {
      name: "nvml",
      state: "ready",
      detail: "",
      successes: 9,
      failures: 1,
      drops: 2,
      lastDurationMs: 1500,
    },
  ],
  writer: { state: "ok", queuedBatches: 1, queuedSlices: 3, droppedSlices: 4 },
  pipelineDrops: 5,
  outbox: { due: 1, delivered: 2, dead: 3 },
};

const SECRET = "alice-of-project-x";

/** Metrics in which everything that can be told has been told. */
async function fullText(): Promise<string> {
  const metrics = new Metrics();
  const owner = { kind: "user" as const, id: SECRET };
  metrics.observeSlices([slice({ owner }), slice({ owner, energyMj: undefined })]);
  metrics.observeLabel("GPU-a", "training-like", 0.75);
  metrics.setIncidents([incident(), incident({ id: "i-2" })]);
  metrics.setHealth(HEALTH);
  return metrics.render();
}

/** The lines of samples: name, labels and value. */
function samplesOf(text: string): { name: string; labels: string; value: number }[] {
  const found = text.matchAll(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/gm);
  return [...found].map(([, name = "", labels = "", value]) => ({
    name,
    labels,
    value: Number(value),
  }));
}

describe("the metrics", () => {
  it("are lines of one grammar, each series with HELP and TYPE before it", async () => {
    const described = new Set<string>();
    for (const line of (await fullText()).trimEnd().split("\n")) {
      const comment = /^# (HELP|TYPE) ([a-z_]+) \S/.exec(line);
      if (comment) described.add(`${comment[1]} ${comment[2]}`);
      if (line === "" || line.startsWith("#")) continue;
      expect(line).toMatch(/^[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? \S+$/);
      const name = /^[a-z_]+/.exec(line)?.[0];
      expect(described).toContain(`HELP ${name}`);
      expect(described).toContain(`TYPE ${name}`);
    }
    expect(described.size).toBeGreaterThan(20);
  });

  it("have one prefix and base units, and only counters end in _total", async () => {
    const text = await fullText();
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    for (const [, name = "", type] of types) {
      expect(name).toMatch(/^gpu_assay_/);
      expect(name).not.toMatch(
        /_(ms|millis|milliseconds|mj|kwh|mb|kib|percent|minutes|hours)(_|$)/,
      );
      expect(name.endsWith("_total")).toBe(type === "counter");
    }
  });

  it("speak of owners by kind only: their names are theirs to choose", async () => {
    const text = await fullText();
    expect(text).not.toContain(SECRET);
    expect(text).toContain('owner_kind="user"');
  });

  it("tell seconds and joules, and no joules where energy was not measured", async () => {
    const samples = samplesOf(await fullText());
    const valueOf = (name: string): number | undefined =>
      samples.find((sample) => sample.name === `gpu_assay_${name}`)?.value;
    expect(valueOf("gpu_seconds_total")).toBe(20);
    expect(valueOf("energy_joules_total")).toBe(3000);
    expect(valueOf("source_duration_seconds")).toBe(1.5);
    expect(valueOf("gpu_label_confidence_ratio")).toBe(0.75);
    expect(valueOf("incidents")).toBe(2);
    expect(valueOf("ledger_queued_slices")).toBe(3);
    expect(valueOf("ledger_lost_slices")).toBe(4);
    expect(valueOf("samples_dropped")).toBe(5);
  });

  it("have 1 for the newest label alone", async () => {
    const metrics = new Metrics();
    metrics.observeLabel("GPU-a", "idle", 1);
    metrics.observeLabel("GPU-a", "mining-like", 0.9);
    const set = samplesOf(await metrics.render()).filter(
      ({ name }) => name === "gpu_assay_gpu_label",
    );
    expect(set).toHaveLength(LABELS.length);
    const on = set.filter(({ value }) => value === 1).map(({ labels }) => labels);
    expect(on).toEqual([expect.stringContaining('label="mining-like"')]);
  });

  it("forget an incident that is over", async () => {
    const metrics = new Metrics();
    metrics.setIncidents([incident()]);
    expect(await metrics.render()).toMatch(/^gpu_assay_incidents\{.*\} 1$/m);
    metrics.setIncidents([]);
    expect(await metrics.render()).not.toMatch(/^gpu_assay_incidents\{.*\} [1-9]/m);
  });

  it("stay within the bound of series for each GPU, whatever is seen", async () => {
    const metrics = new Metrics();
    for (const kind of OWNER_KINDS)
      for (const label of LABELS) {
        const owners = ["a", "b", "c"].map((id) => ({ kind, id }));
        metrics.observeSlices(owners.map((owner) => slice({ owner, label })));
        metrics.observeLabel("GPU-a", label, 1);
      }
    const own = samplesOf(await metrics.render()).filter(({ labels }) => labels.includes("GPU-a"));
    expect(own).toHaveLength(MAX_SERIES_PER_GPU);
  });
});

describe("problems", () => {
  const well = { ...HEALTH, writer: { ...HEALTH.writer, droppedSlices: 0 } };
  const healthy = { ...well, outbox: { due: 1, delivered: 2, dead: 0 } };

  it("are none where all is well, and every one is named where several are", () => {
    expect(healthProblems(healthy)).toEqual([]);
    expect(healthProblems(HEALTH)).toHaveLength(2);
  });

  it("are not made of a queue that is merely not empty", () => {
    const writer = { ...healthy.writer, queuedSlices: 1000 };
    expect(healthProblems({ ...healthy, writer })).toEqual([]);
    const failing = { ...writer, state: "failing" as const };
    expect(healthProblems({ ...healthy, writer: failing })).toHaveLength(1);
  });
});
