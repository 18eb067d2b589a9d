import { Registry } from "prom-client";
import type { Slice } from "../model/slice.ts";
import { AgentMetrics, type BuildInfo } from "./agent-metrics.ts";
import type { HealthReading } from "./health.ts";
import { UsageMetrics } from "./usage-metrics.ts";

export interface Metrics {
  readonly contentType: string;
  /** Counts slices once each: call it with every slice that was made, and never twice with one. */
  observeSlices(slices: readonly Slice[]): void;
  /** Replaces what is known of the agent itself. */
  setHealth(health: HealthReading): void;
  /** The text that Prometheus scrapes. */
  render(): Promise<string>;
}

/**
 * Prometheus metrics in base units on a registry of their own. The number of series is bounded by
 * devices, owner kinds, labels and collectors: an owner's name is never a label.
 */
export function createMetrics(build: BuildInfo): Metrics {
  const registry = new Registry();
  const usage = new UsageMetrics(registry);
  const agent = new AgentMetrics(registry, build);
  return {
    contentType: registry.contentType,
    observeSlices: (slices) => usage.observe(slices),
    setHealth: (health) => agent.set(health),
    render: () => {
      usage.write();
      return registry.metrics();
    },
  };
}
