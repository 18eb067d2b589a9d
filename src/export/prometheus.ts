import { Counter, Gauge, Registry } from "prom-client";
import { LABELS } from "../model/label.ts";
import { OWNER_KINDS } from "../model/owner.ts";
import type { Slice } from "../model/slice.ts";
import type { Incident } from "../model/incident.ts";
import { type HealthSnapshot, healthProblems } from "./health.ts";

const MS_PER_SECOND = 1000;
const MJ_PER_J = 1000;

/**
 * The daemon's metrics in Prometheus' text format, in base units. Owners appear by kind only: their
 * names come from the observed users and would make the number of series theirs to choose.
 */
export class Metrics {
  readonly contentType: string;
  private readonly registry = new Registry();
  private readonly gpuSeconds = this.counter(
    "gpu_seconds_total",
    "GPU time by label and kind of owner",
    ["gpu", "owner_kind", "label"],
  );
  private readonly energy = this.counter(
    "energy_joules_total",
    "Measured energy by label and kind of owner",
    ["gpu", "owner_kind", "label"],
  );
  private readonly label = this.gauge(
    "gpu_label",
    "1 for the newest label of each GPU, 0 for the others",
    ["gpu", "label"],
  );
  private readonly confidence = this.gauge(
    "gpu_label_confidence_ratio",
    "Confidence of the newest label",
    ["gpu"],
  );
  private readonly incidents = this.gauge(
    "incidents",
    "Incidents that are open, by rule and severity",
    ["rule", "severity"],
  );
  private readonly up = this.gauge("source_up", "1 while a source delivers", ["source"]);
  private readonly duration = this.gauge(
    "source_duration_seconds",
    "How long the newest reading took",
    ["source"],
  );
  private readonly readings = this.gauge(
    "source_readings",
    "Readings of a source since the start, by outcome",
    ["source", "outcome"],
  );
  private readonly writerUp = this.gauge(
    "ledger_writable",
    "1 while the ledger can be written",
    [],
  );
  private readonly queued = this.gauge(
    "ledger_queued_slices",
    "Slices that wait in memory to be written",
    [],
  );
  private readonly lost = this.gauge("ledger_lost_slices", "Slices lost since the start", []);
  private readonly dropped = this.gauge(
    "samples_dropped",
    "Samples that came late or twice since the start",
    [],
  );
  private readonly outbox = this.gauge("outbox_messages", "Alert messages by state", ["state"]);
  private readonly problems = this.gauge("problems", "Problems that /healthz names", []);
  private readonly build = this.gauge("build_info", "Always 1", ["version", "simulated"]);

  constructor() {
    this.contentType = this.registry.contentType;
  }

  observeSlices(slices: readonly Slice[]): void {
    for (const { gpuUuid, owner, label, timeMs, energyMj } of slices) {
      const labels = { gpu: gpuUuid, owner_kind: owner.kind, label };
      this.gpuSeconds.inc(labels, timeMs / MS_PER_SECOND);
      if (energyMj !== undefined) this.energy.inc(labels, energyMj / MJ_PER_J);
    }
  }

  observeLabel(gpuUuid: string, newest: Slice["label"], confidence: number): void {
    for (const label of LABELS) this.label.set({ gpu: gpuUuid, label }, label === newest ? 1 : 0);
    this.confidence.set({ gpu: gpuUuid }, confidence);
  }

  setIncidents(open: readonly Incident[]): void {
    this.incidents.reset();
    for (const { rule, severity } of open) this.incidents.inc({ rule, severity });
  }

  setHealth(health: HealthSnapshot): void {
    for (const source of health.sources) {
      this.up.set({ source: source.name }, source.state === "ready" ? 1 : 0);
      if (source.lastDurationMs !== undefined)
        this.duration.set({ source: source.name }, source.lastDurationMs / MS_PER_SECOND);
      for (const outcome of ["successes", "failures", "drops"] as const)
        this.readings.set({ source: source.name, outcome }, source[outcome]);
    }
    this.writerUp.set(health.writer.state === "ok" ? 1 : 0);
    this.queued.set(health.writer.queuedSlices);
    this.lost.set(health.writer.droppedSlices);
    this.dropped.set(health.pipelineDrops);
    for (const state of ["due", "delivered", "dead"] as const)
      this.outbox.set({ state }, health.outbox[state]);
    this.problems.set(healthProblems(health).length);
    this.build.set({ version: health.version, simulated: String(health.simulated) }, 1);
  }

  async render(): Promise<string> {
    return this.registry.metrics();
  }

  private counter<const L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
  ): Counter<L> {
    return new Counter({ name: `gpu_assay_${name}`, help, labelNames, registers: [this.registry] });
  }

  private gauge<const L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
  ): Gauge<L> {
    return new Gauge({ name: `gpu_assay_${name}`, help, labelNames, registers: [this.registry] });
  }
}

/** Upper bound of the series one device can cause: what an operator's Prometheus has to hold. */
export const MAX_SERIES_PER_GPU = 2 * OWNER_KINDS.length * LABELS.length + LABELS.length + 1;
