import { Counter, Gauge, type Registry } from "prom-client";
import { GPU_QUANTITIES } from "../model/sample.ts";
import { sanitize } from "../model/text.ts";
import type { CollectorReading, HealthReading, ProbeReading, SamplingReading } from "./health.ts";

export interface BuildInfo {
  agentVersion: string;
  modelVersion: string;
  node: string;
}

const COLLECTOR_STATES = ["ready", "absent", "failing", "closed"];
const PROBE_STATES = ["unopened", "ready", "absent", "backing-off", "failing"];
const ALERT_STATES = ["pending", "firing", "resolved"] as const;
/** What a device is measured with comes from its driver: bounded, like every label value. */
const MAX_WITH_LENGTH = 64;
const OUTBOX_STATES = ["due", "dead"] as const;

/** What the agent says of itself. Every reading replaces the one before. */
export class AgentMetrics {
  private readonly registry: Registry;
  private readonly gauges = new Map<string, Gauge>();
  private readonly counters = new Map<string, Counter>();

  constructor(registry: Registry, build: BuildInfo) {
    this.registry = registry;
    this.declareAgent();
    this.declareCollectors();
    this.declareDevices();
    this.declareProbes();
    const { agentVersion: agent_version, modelVersion: model_version, node } = build;
    this.gauge("gpu_assay_build_info", { agent_version, model_version, node }, 1);
  }

  set(health: HealthReading): void {
    for (const [name, gauge] of this.gauges) if (name !== "gpu_assay_build_info") empty(gauge);
    for (const counter of this.counters.values()) empty(counter);
    for (const collector of health.collectors) this.setCollector(collector);
    for (const gpu of health.gpus) this.setDevice(gpu);
    if (health.sampling) this.setSampling(health.sampling);
    for (const probe of health.probes ?? []) this.setProbe(probe);
    if (health.ledger) {
      this.gauge("gpu_assay_ledger_failing", {}, health.ledger.failing ? 1 : 0);
      this.gauge("gpu_assay_ledger_queue_records", {}, health.ledger.queued);
      this.counter("gpu_assay_ledger_dropped_records_total", {}, health.ledger.dropped);
    }
    for (const state of health.alerts ? ALERT_STATES : [])
      this.gauge("gpu_assay_alerts", { state }, health.alerts?.[state] ?? 0);
    if (!health.outbox) return;
    for (const state of OUTBOX_STATES)
      this.gauge("gpu_assay_outbox_messages", { state }, health.outbox[state]);
    this.counter("gpu_assay_outbox_delivered_total", {}, health.outbox.delivered);
  }

  private setDevice(of: HealthReading["gpus"][number]): void {
    const { uuid: gpu, index, model, node, measuredWith = {}, stalenessMs } = of;
    const simulated = String(of.simulated);
    this.gauge("gpu_assay_gpu_info", { gpu, index, model, node, simulated }, 1);
    if (stalenessMs !== undefined)
      this.gauge("gpu_assay_device_staleness_seconds", { gpu }, stalenessMs / 1000);
    for (const quantity of GPU_QUANTITIES) {
      const by = measuredWith[quantity];
      if (by === undefined) continue;
      const labels = { gpu, quantity, with: sanitize(by, MAX_WITH_LENGTH) };
      this.gauge("gpu_assay_device_measured", labels, 1);
    }
  }

  private setSampling({ intervalMs, fastMs, refused }: SamplingReading): void {
    this.gauge("gpu_assay_sampling_interval_seconds", {}, intervalMs / 1000);
    this.counter("gpu_assay_sampling_fast_seconds_total", {}, fastMs / 1000);
    this.counter("gpu_assay_sampling_fast_refused_total", {}, refused);
  }

  private setProbe(of: ProbeReading): void {
    const labels = { gpu: of.uuid };
    for (const state of PROBE_STATES)
      this.gauge("gpu_assay_probe_state", { ...labels, state }, of.state === state ? 1 : 0);
    this.gauge("gpu_assay_probe_debt_seconds", labels, of.debtSeconds);
    this.counter("gpu_assay_probe_runs_total", labels, of.runs);
    this.counter("gpu_assay_probe_gpu_seconds_total", labels, of.gpuSeconds);
    this.counter("gpu_assay_probe_restarts_total", labels, of.restarts);
    for (const [reason, count] of Object.entries(of.refusals))
      this.counter("gpu_assay_probe_refused_total", { ...labels, reason }, count);
  }

  private setCollector(of: CollectorReading): void {
    const labels = { collector: of.name };
    for (const state of COLLECTOR_STATES)
      this.gauge("gpu_assay_collector_state", { ...labels, state }, of.state === state ? 1 : 0);
    this.counter("gpu_assay_collector_successes_total", labels, of.successes);
    this.counter("gpu_assay_collector_failures_total", labels, of.failures);
    this.counter("gpu_assay_collector_drops_total", labels, of.drops);
    const durations = [
      ["gpu_assay_collector_duration_seconds", of.lastDurationMs],
      ["gpu_assay_collector_duration_mean_seconds", of.meanDurationMs],
      ["gpu_assay_collector_duration_max_seconds", of.maxDurationMs],
    ] as const;
    for (const [name, ms] of durations) if (ms !== undefined) this.gauge(name, labels, ms / 1000);
    if (of.lastSuccessAtMs !== undefined)
      this.gauge(
        "gpu_assay_collector_last_success_timestamp_seconds",
        labels,
        of.lastSuccessAtMs / 1000,
      );
  }

  private declareAgent(): void {
    this.addGauge("gpu_assay_build_info", "Versions of the agent and of its label model.", [
      "agent_version",
      "model_version",
      "node",
    ]);
    const gpu = ["gpu", "index", "model", "node", "simulated"];
    this.addGauge("gpu_assay_gpu_info", "A device the agent knows.", gpu);
    this.addGauge("gpu_assay_ledger_failing", "1 while the ledger cannot be written, else 0.");
    this.addGauge("gpu_assay_ledger_queue_records", "Records that wait to be written.");
    this.addCounter("gpu_assay_ledger_dropped_records_total", "Records that were never written.");
    this.addGauge("gpu_assay_alerts", "Incidents by state.", ["state"]);
    this.addGauge("gpu_assay_outbox_messages", "Messages not delivered, by state.", ["state"]);
    this.addCounter("gpu_assay_outbox_delivered_total", "Messages delivered.");
  }

  private declareCollectors(): void {
    const c = ["collector"];
    const name = "gpu_assay_collector";
    this.addGauge(`${name}_state`, "1 for the state a collector is in, else 0.", [...c, "state"]);
    this.addGauge(`${name}_duration_seconds`, "How long the newest attempt took.", c);
    const newest = "of the newest 100 readings that succeeded.";
    this.addGauge(`${name}_duration_mean_seconds`, `Mean duration ${newest}`, c);
    this.addGauge(`${name}_duration_max_seconds`, `Longest duration ${newest}`, c);
    this.addGauge(`${name}_last_success_timestamp_seconds`, "Newest success, in Unix time.", c);
    this.addCounter(`${name}_successes_total`, "Attempts that succeeded.", c);
    this.addCounter(`${name}_failures_total`, "Attempts that failed.", c);
    this.addCounter(`${name}_drops_total`, "Readings that were thrown away.", c);
  }

  private declareDevices(): void {
    this.addGauge("gpu_assay_device_staleness_seconds", "Time since the device's last sample.", [
      "gpu",
    ]);
    const measured = "1 for each quantity a device is measured with, and by what.";
    this.addGauge("gpu_assay_device_measured", measured, ["gpu", "quantity", "with"]);
    const sampling = "gpu_assay_sampling";
    this.addGauge(`${sampling}_interval_seconds`, "Time from one reading to the next, as of now.");
    this.addCounter(`${sampling}_fast_seconds_total`, "Time in which it was the short one.");
    this.addCounter(
      `${sampling}_fast_refused_total`,
      "Windows that were to be sampled fast, and were not: the budget was used up.",
    );
  }

  private declareProbes(): void {
    const [g, name] = [["gpu"], "gpu_assay_probe"];
    const state = "1 for the state the device's probe process is in, else 0.";
    this.addGauge(`${name}_state`, state, [...g, "state"]);
    const debt = "GPU time of earlier launches to be paid off before the next one.";
    this.addGauge(`${name}_debt_seconds`, debt, g);
    this.addCounter(`${name}_runs_total`, "Launches of the agent's own on a device.", g);
    const taken = "GPU time that they were measured to take.";
    this.addCounter(`${name}_gpu_seconds_total`, taken, g);
    this.addCounter(`${name}_restarts_total`, "Probe processes started after the first.", g);
    const refused = "How often nothing was launched although it was time.";
    this.addCounter(`${name}_refused_total`, refused, [...g, "reason"]);
  }

  private addGauge(name: string, help: string, labelNames: string[] = []): void {
    const gauge = new Gauge({ name, help, labelNames, registers: [this.registry] });
    empty(gauge);
    this.gauges.set(name, gauge);
  }

  private addCounter(name: string, help: string, labelNames: string[] = []): void {
    const counter = new Counter({ name, help, labelNames, registers: [this.registry] });
    empty(counter);
    this.counters.set(name, counter);
  }

  private gauge(name: string, labels: Record<string, string | number>, value: number): void {
    this.gauges.get(name)?.set(labels, value);
  }

  private counter(name: string, labels: Record<string, string | number>, value: number): void {
    this.counters.get(name)?.inc(labels, value);
  }
}

/** Without a series: a metric that has no labels would say 0 where nothing is known. */
function empty(metric: Gauge | Counter): void {
  metric.reset();
  metric.remove({});
}
