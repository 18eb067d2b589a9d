import { Counter, Gauge, type Registry } from "prom-client";
import { LABELS } from "../model/label.ts";
import type { Slice } from "../model/slice.ts";

interface Sums {
  gpu: string;
  ownerKind: string;
  label: string;
  timeMs: number;
  energyMj: number;
  energyUnmeasuredMs: number;
}

/** The newest window of a device, and what its time was made of. */
interface Newest {
  toMs: number;
  windowMs: number;
  byLabel: Map<string, number>;
}

/** What a share counts as: unobserved time has no label of its own in a slice. */
function labelOf(slice: Slice): string {
  return slice.owner.kind === "unobserved" ? "unobserved" : slice.label;
}

/** Sums slices in whole milliseconds and millijoules, so that long-running counters stay exact. */
export class UsageMetrics {
  private readonly sums = new Map<string, Sums>();
  private readonly newest = new Map<string, Newest>();
  private readonly seconds: Counter;
  private readonly joules: Counter;
  private readonly unmeasured: Counter;
  private readonly labelRatio: Gauge;
  private readonly windowEnd: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    const labelNames = ["gpu", "owner_kind", "label"];
    this.seconds = new Counter({
      name: "gpu_assay_gpu_seconds_total",
      help: "GPU time by device, kind of owner and label, since the agent started.",
      labelNames,
      registers,
    });
    this.joules = new Counter({
      name: "gpu_assay_energy_joules_total",
      help: "Measured energy by device, kind of owner and label, since the agent started.",
      labelNames,
      registers,
    });
    this.unmeasured = new Counter({
      name: "gpu_assay_energy_unmeasured_seconds_total",
      help: "GPU time whose energy was not measured: it is missing from the joules.",
      labelNames: ["gpu"],
      registers,
    });
    this.labelRatio = new Gauge({
      name: "gpu_assay_gpu_label_ratio",
      help: "Share of the device's newest window under each label; they sum to 1.",
      labelNames: ["gpu", "label"],
      registers,
    });
    this.windowEnd = new Gauge({
      name: "gpu_assay_gpu_last_window_end_timestamp_seconds",
      help: "End of the device's newest window, in Unix time.",
      labelNames: ["gpu"],
      registers,
    });
  }

  observe(slices: readonly Slice[]): void {
    for (const slice of slices) {
      this.add(slice);
      this.see(slice);
    }
  }

  private add(slice: Slice): void {
    const { gpuUuid: gpu, timeMs, energyMj } = slice;
    const [ownerKind, label] = [slice.owner.kind, labelOf(slice)];
    const key = `${gpu} ${ownerKind} ${label}`;
    const empty = { gpu, ownerKind, label, timeMs: 0, energyMj: 0, energyUnmeasuredMs: 0 };
    const sums = this.sums.get(key) ?? empty;
    sums.timeMs += timeMs;
    sums.energyMj += energyMj ?? 0;
    sums.energyUnmeasuredMs += energyMj === undefined ? timeMs : 0;
    this.sums.set(key, sums);
  }

  private see(slice: Slice): void {
    const { gpuUuid, fromMs, toMs, timeMs } = slice;
    const last = this.newest.get(gpuUuid);
    if (last && toMs < last.toMs) return;
    const fresh = { toMs, windowMs: toMs - fromMs, byLabel: new Map<string, number>() };
    const newest = last?.toMs === toMs ? last : fresh;
    const label = labelOf(slice);
    newest.byLabel.set(label, (newest.byLabel.get(label) ?? 0) + timeMs);
    this.newest.set(gpuUuid, newest);
  }

  /** Brings the metrics up to what was observed. */
  write(): void {
    for (const metric of [this.seconds, this.joules, this.unmeasured]) metric.reset();
    for (const sums of this.sums.values()) {
      const { gpu, label, ownerKind: owner_kind } = sums;
      this.seconds.inc({ gpu, owner_kind, label }, sums.timeMs / 1000);
      this.unmeasured.inc({ gpu }, sums.energyUnmeasuredMs / 1000);
      const measured = sums.timeMs > sums.energyUnmeasuredMs || sums.energyMj > 0;
      if (measured) this.joules.inc({ gpu, owner_kind, label }, sums.energyMj / 1000);
    }
    for (const [gpu, { toMs, windowMs, byLabel }] of this.newest) {
      this.windowEnd.set({ gpu }, toMs / 1000);
      for (const label of [...LABELS, "unobserved"])
        this.labelRatio.set({ gpu, label }, (byLabel.get(label) ?? 0) / windowMs);
    }
  }
}
