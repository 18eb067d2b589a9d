import type { AgentWatcher } from "../agent.ts";
import { agentVersion } from "../config/data.ts";
import type { HealthSnapshot } from "../export/health.ts";
import type { Metrics } from "../export/prometheus.ts";
import type { BufferedWriter } from "../ledger/buffered-writer.ts";
import type { Outbox } from "../ledger/contract.ts";
import type { WindowResult } from "../pipeline/events.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { LiveLabel } from "../serve/server.ts";
import type { Alerting } from "./alerting.ts";
import type { BudgetMeter } from "./budgets.ts";
import type { OpenedSource } from "./source.ts";

export interface DaemonStateParts {
  source: OpenedSource;
  writer: BufferedWriter;
  pipeline: Pipeline;
  alerting: Alerting;
  metrics: Metrics;
  budgets: BudgetMeter | undefined;
  startedAtMs: number;
}

/** What the running daemon can tell about itself and about the newest verdicts. */
export class DaemonState {
  readonly metrics: Metrics;
  private readonly parts: DaemonStateParts;
  private readonly newest = new Map<string, WindowResult>();
  private node = "";
  private simulated = false;

  constructor(parts: DaemonStateParts) {
    this.parts = parts;
    this.metrics = parts.metrics;
  }

  /** Looks on for metrics and API, and passes everything on to `next`. */
  watching(next: AgentWatcher): AgentWatcher {
    return {
      ...next,
      observation: (observation) => {
        if (observation.kind === "node")
          [this.node, this.simulated] = [observation.node, observation.simulated];
        next.observation?.(observation);
      },
      provisional: (result) => {
        this.newest.set(result.gpu.uuid, result);
        this.metrics.observeLabel(result.gpu.uuid, result.label, result.confidence);
        next.provisional?.(result);
      },
      slices: (slices) => {
        this.metrics.observeSlices(slices);
        next.slices?.(slices);
      },
      gpu: (gpu) => {
        this.parts.budgets?.noteGpu(gpu);
        next.gpu?.(gpu);
      },
      incident: (incident) => {
        this.metrics.setIncidents(this.parts.alerting.open());
        next.incident?.(incident);
      },
    };
  }

  liveLabel(gpuUuid: string): LiveLabel | undefined {
    const result = this.newest.get(gpuUuid);
    if (!result) return undefined;
    const { label, confidence, window, evidence, signature } = result;
    return { label, confidence, ...window, evidence, signature };
  }

  health(outbox: Awaited<ReturnType<Outbox["outboxStatus"]>>): HealthSnapshot {
    const { source, writer, pipeline, startedAtMs } = this.parts;
    const { due, delivered, dead } = outbox;
    return {
      node: this.node,
      version: agentVersion(),
      simulated: this.simulated,
      source: source.description,
      startedAtMs,
      sources: source.health(),
      writer: writer.status(),
      pipelineDrops: pipeline.drops,
      outbox: { due, delivered, dead },
    };
  }
}
