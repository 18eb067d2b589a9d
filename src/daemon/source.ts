import type { CollectorHealth } from "../collect/contract.ts";
import { CollectorHarness } from "../collect/harness.ts";
import type { HarnessEvent } from "../collect/harness-types.ts";
import { liveSource } from "../collect/live.ts";
import { createNvmlCollector } from "../collect/nvml/collector.ts";
import { createProcessReader } from "../collect/processes/reader.ts";
import { RecordingReader } from "../collect/recording/read.ts";
import { replaySource } from "../collect/recording/replay.ts";
import type { RecordingWarning } from "../collect/recording/warnings.ts";
import { type Config, durationMs } from "../config/schema.ts";
import { nodeName } from "./node-name.ts";
import type { ObservationSource } from "../model/observation.ts";
import type { ProcessSample } from "../model/sample.ts";

/** Where observations come from: a live node or a recording; all the same from here on. */
export interface OpenedSource {
  observations: ObservationSource;
  /** For people: `NVML, 2 GPUs …`, `recording demo.ndjson.gz at 60 times its speed`. */
  description: string;
  isLive: boolean;
  health: () => CollectorHealth[];
  warnings: () => RecordingWarning[];
}

export interface SourceDeps {
  /** Unix milliseconds. */
  nowMs: () => number;
  monotonicMs: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  signal: AbortSignal;
  onEvent: (event: HarnessEvent) => void;
}

/** The node's own GPUs; or why there are none, which is normal. */
export async function openLiveSource(
  config: Config,
  deps: SourceDeps,
): Promise<{ source: OpenedSource; isPresent: boolean; reason: string }> {
  const { nowMs, monotonicMs, sleep, signal, onEvent } = deps;
  const intervalMs = durationMs(config.collect.interval);
  const node = nodeName(config);
  const { enabled, library } = config.collect.nvml;
  const collectors = enabled
    ? [
        createNvmlCollector(
          {
            node,
            intervalMs,
            library,
            procRoot: config.collect.procRoot,
            pids: config.collect.pids,
          },
          { monotonicMs },
        ),
      ]
    : [];
  const harness = new CollectorHarness(collectors, { monotonicMs, sleep, onEvent });
  await harness.open();
  const processes = createProcessReader({ procRoot: config.collect.procRoot }, { monotonicMs });
  const clock = { wallMs: nowMs, monotonicMs, sleep };
  const enrich = (sample: ProcessSample): ProcessSample => processes.enrich(sample);
  const health = harness.health();
  const present = health.filter((source) => source.state !== "absent");
  const source: OpenedSource = {
    observations: liveSource({ harness, intervalMs, clock, signal, enrich }),
    description: health.map(({ name, detail }) => `${name}: ${detail}`).join("; "),
    isLive: true,
    health: () => harness.health(),
    warnings: () => [],
  };
  const reason = enabled ? health.map((each) => each.detail).join("; ") : "NVML is switched off";
  return { source, isPresent: present.length > 0, reason };
}

/** Reads as far as the header, so that a wrong file is refused before anything else is started. */
export async function checkRecording(file: string): Promise<void> {
  for await (const _ of new RecordingReader(file)) return;
}

/** A recording at `speed` times its own pace. */
export function openRecordingSource(
  file: string,
  speed: number,
  deps: Pick<SourceDeps, "monotonicMs" | "sleep" | "signal">,
): OpenedSource {
  const { monotonicMs, sleep, signal } = deps;
  const replay = replaySource({ file, speed, clock: monotonicMs, sleep, signal });
  const pace = speed === Infinity ? "as fast as it can be read" : `at ${speed} times its speed`;
  return {
    observations: replay,
    description: `recording ${file} ${pace}`,
    isLive: false,
    health: () => [],
    warnings: () => replay.warnings,
  };
}
