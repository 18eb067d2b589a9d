import type { AgentWatcher } from "../agent.ts";
import type { CollectorHealth } from "../collect/contract.ts";
import type { RateController } from "../collect/rate.ts";
import { agentVersion } from "../config/data.ts";
import type { HealthReading } from "../export/health.ts";
import type { Metrics } from "../export/prometheus.ts";
import type { BufferedWriter } from "../ledger/buffered-writer.ts";
import type { Outbox } from "../ledger/contract.ts";
import type { Incident } from "../model/incident.ts";
import type { GpuInfo } from "../model/sample.ts";
import type { WindowResult } from "../pipeline/events.ts";
import type { HealthSnapshot, LiveLabel } from "../serve/settings.ts";
import { DeviceWatch } from "./device-watch.ts";
import { Doubt } from "./doubt.ts";
import type { ProbeLoop } from "./probe-loop.ts";

export interface DaemonStateParts {
  /** Until a recording's header names another. */
  node: string;
  metrics: Metrics;
  writer: BufferedWriter;
  collectors: () => readonly CollectorHealth[];
  openIncidents: () => readonly Incident[];
  outboxStatus: Outbox["outboxStatus"];
  noteGpu: (gpu: GpuInfo) => void;
  startedAtMs: number;
  /** Unix milliseconds. */
  nowMs: () => number;
  /** Where a live node is watched that may be sampled faster for a while. */
  rate?: RateController | undefined;
  /** Where devices may be probed. */
  probes?: Pick<ProbeLoop, "doubt" | "readings"> | undefined;
  /** Where processes may be looked at more closely. */
  doubted?: (() => void) | undefined;
  /** The collector that measures a device; unset where nothing is live. */
  collectorOf?: ((gpuUuid: string) => string | undefined) | undefined;
  /** Labels below it are in doubt. */
  minConfidence: number;
}

/** What the running daemon can tell about itself and about the newest verdicts. */
export class DaemonState {
  private readonly parts: DaemonStateParts;
  private readonly newest = new Map<string, WindowResult>();
  private readonly devices = new DeviceWatch();
  private readonly doubt: Doubt;
  private node: string;
  private gpus: HealthReading["gpus"] = [];
  private outbox: HealthReading["outbox"];
  /** Run contexts that came faster than they are written. */
  private lostContexts = 0;

  constructor(parts: DaemonStateParts) {
    this.parts = parts;
    this.node = parts.node;
    this.doubt = new Doubt(parts);
  }

  get contentType(): string {
    return this.parts.metrics.contentType;
  }

  /** Looks on for metrics, API and the rate of sampling, and passes everything on to `next`. */
  watching(next: AgentWatcher): AgentWatcher {
    const { metrics, noteGpu } = this.parts;
    return {
      ...next,
      observation: (observation) => {
        if (observation.kind === "node") {
          const { node, simulated } = observation;
          this.node = node;
          this.gpus = observation.gpus.map((gpu) => ({ ...gpu, node, simulated }));
        }
        if (this.parts.collectorOf) this.devices.observe(observation);
        next.observation?.(observation);
      },
      provisional: (result) => {
        this.newest.set(result.gpu.uuid, result);
        this.doubt.provisional(result);
        next.provisional?.(result);
      },
      slices: (slices) => {
        metrics.observeSlices(slices);
        next.slices?.(slices);
      },
      gpu: (gpu) => {
        noteGpu(gpu);
        next.gpu?.(gpu);
      },
      lostContexts: (count) => {
        this.lostContexts += count;
        next.lostContexts?.(count);
      },
      incident: (incident) => {
        this.doubt.incident(incident);
        next.incident?.(incident);
      },
    };
  }

  /** The newest verdict on a device, before it is final. */
  liveLabel(gpuUuid: string): LiveLabel | undefined {
    const result = this.newest.get(gpuUuid);
    if (!result) return undefined;
    const { label, confidence, window, evidence, signature } = result;
    return { label, confidence, window, evidence, features: signature.features };
  }

  /** The metrics' text, with the daemon's own state read for it. */
  async renderMetrics(): Promise<string> {
    const { metrics, writer, collectors, openIncidents, nowMs, rate, probes } = this.parts;
    await this.refresh();
    const { state, queuedSlices, droppedSlices } = writer.status();
    const alerts: Partial<Record<Incident["state"], number>> = { pending: 0, firing: 0 };
    for (const incident of openIncidents())
      alerts[incident.state] = (alerts[incident.state] ?? 0) + 1;
    metrics.setHealth({
      collectors: collectors(),
      ledger: {
        queued: queuedSlices,
        dropped: droppedSlices + this.lostContexts,
        failing: state === "failing",
      },
      alerts,
      outbox: this.outbox,
      gpus: this.gpus.map((gpu) => ({
        ...gpu,
        stalenessMs: this.devices.stalenessMs(gpu.uuid, nowMs()),
      })),
      sampling: rate?.status(),
      probes: probes?.readings(),
    });
    return metrics.render();
  }

  /** Reads what only the ledger knows. Keeps the last known answer where it cannot be asked. */
  async refresh(): Promise<void> {
    this.outbox = await this.parts.outboxStatus().catch(() => this.outbox);
  }

  health(): HealthSnapshot {
    const { startedAtMs } = this.parts;
    return { node: this.node, agentVersion: agentVersion(), startedAtMs, reasons: this.reasons() };
  }

  /** A source that is absent is normal; one that fails, a silent device, a full disk, a lost alert are not. */
  private reasons(): string[] {
    const failing = this.parts.collectors().filter((each) => each.state === "failing");
    const reasons = failing.map(({ name, detail }) => `source ${name} fails: ${detail}`);
    const { collectors, collectorOf, nowMs } = this.parts;
    if (collectorOf) reasons.push(...this.devices.silences(nowMs(), collectors(), collectorOf));
    const { state, lastError, queuedSlices, droppedSlices } = this.parts.writer.status();
    if (state === "failing")
      reasons.push(
        `the ledger cannot be written (${lastError ?? "unknown"}): ${queuedSlices} slices wait in memory`,
      );
    if (droppedSlices > 0)
      reasons.push(`${droppedSlices} slices were lost since the start: gap records say when`);
    const dead = this.outbox?.dead ?? 0;
    if (dead > 0) reasons.push(`${dead} alert messages could not be delivered`);
    return reasons;
  }
}
