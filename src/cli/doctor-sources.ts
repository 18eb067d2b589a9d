import type { Collector, CollectorHealth } from "../collect/contract.ts";
import { DeviceDirectory } from "../collect/directory.ts";
import { CollectorHarness } from "../collect/harness.ts";
import type { HarnessEvent } from "../collect/harness-types.ts";
import { AssayError } from "../model/errors.ts";
import type { Observation } from "../model/observation.ts";
import { GPU_QUANTITIES, type GpuInfo, type GpuQuantity } from "../model/sample.ts";
import type { Finding } from "./doctor-findings.ts";

/** `silent`: the source says that it can be measured, and two readings brought nothing. */
export type QuantityStatus = "answered" | "silent" | "unmeasured";

export interface DeviceView {
  index: number;
  uuid: string;
  model: string;
  pciBusId?: string | undefined;
  parentUuid?: string | undefined;
  /** The collector that measures it. */
  source: string;
  quantities: readonly {
    quantity: GpuQuantity;
    status: QuantityStatus;
    with?: string | undefined;
  }[];
}

export interface SourcesView {
  findings: readonly Finding[];
  sources: readonly CollectorHealth[];
  devices: readonly DeviceView[];
}

export interface SourcesDeps {
  /** Unix milliseconds. */
  nowMs: () => number;
  monotonicMs: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** Starting a driver that sleeps takes seconds; whoever needs longer than this is broken. */
const OPEN_MS = 5000;
const READING_MS = 500;
/** Between the two readings: what is a rate has no value in the first. */
const BETWEEN_MS = 1000;
const CLOSE_MS = 3000;
const TITLES: Readonly<Record<string, string>> = {
  nvml: "NVML",
  nvidia: "NVIDIA",
  dcgm: "dcgm-exporter",
  drm: "AMD and Intel",
};

/** Opens every collector, reads each twice, and says what there is. Takes little over a second. */
export async function lookAtSources(
  collectors: readonly Collector[],
  deps: SourcesDeps,
): Promise<SourcesView> {
  const { monotonicMs, nowMs, sleep } = deps;
  const told = new Map<string, HarnessEvent>();
  const onEvent = (event: HarnessEvent): void => void told.set(event.name, event);
  const settings = { closeTimeoutMs: CLOSE_MS };
  const harness = new CollectorHarness(collectors, { monotonicMs, sleep, onEvent }, settings);
  const directory = new DeviceDirectory(collectors.map(({ name }) => name));
  const seen: Observation[] = [];
  const read = async (): Promise<void> => {
    const atMs = Math.round(nowMs());
    seen.push(...directory.merge(await harness.tick(atMs, READING_MS), atMs));
  };
  try {
    await within(harness.open(), OPEN_MS, sleep);
    const startMs = monotonicMs();
    await read();
    if (harness.health().some(({ state }) => state === "ready")) {
      await sleep(startMs + BETWEEN_MS - monotonicMs());
      await read();
    }
    const sources = harness.health();
    const findings = sources.map((source) => findingOf(source, told.get(source.name)));
    const devices = directory.gpus().map((gpu) => viewOf(gpu, directory, seen));
    return { findings: findings.length > 0 ? findings : [NO_SOURCE], sources, devices };
  } finally {
    await harness.close();
  }
}

const NO_SOURCE: Finding = {
  name: "GPU telemetry",
  status: "missing",
  detail: "every source is switched off",
  hints: ["see `collect` in the configuration"],
};

function findingOf(
  { name: source, state, detail, meanDurationMs, successes }: CollectorHealth,
  event: HarnessEvent | undefined,
): Finding {
  const name = `GPU telemetry (${TITLES[source] ?? source})`;
  const took = meanDurationMs === undefined ? "" : `; read in ${meanDurationMs.toFixed(1)} ms`;
  if (state === "ready" && successes === 0) {
    const late = `${detail}; it was opened, but gives no reading`;
    return { name, status: "failing", detail: late, hints: [] };
  }
  if (state === "ready") return { name, status: "ok", detail: `${detail}${took}`, hints: [] };
  if (state === "closed") {
    const late = `does not answer within ${OPEN_MS / 1000} s`;
    return { name, status: "failing", detail: late, hints: [] };
  }
  const hint =
    event?.kind === "absent"
      ? event.hint
      : event?.kind === "failing" && event.error instanceof AssayError
        ? event.error.hint
        : undefined;
  const status = state === "absent" ? "missing" : "failing";
  return { name, status, detail, hints: hint === undefined ? [] : [hint] };
}

function viewOf(
  { index, uuid, model, pciBusId, parentUuid, measuredWith = {} }: GpuInfo,
  directory: DeviceDirectory,
  seen: readonly Observation[],
): DeviceView {
  const samples = seen.flatMap((each) => (each.kind === "gpu" && each.gpu === index ? [each] : []));
  const quantities = GPU_QUANTITIES.map((quantity) => {
    const by = measuredWith[quantity];
    const answered = samples.some((sample) => sample[quantity] !== undefined);
    const without: QuantityStatus = by === undefined ? "unmeasured" : "silent";
    return { quantity, status: answered ? ("answered" as const) : without, with: by };
  });
  const source = directory.collectorOf(uuid) ?? "";
  return { index, uuid, model, pciBusId, parentUuid, source, quantities };
}

async function within(work: Promise<void>, ms: number, sleep: SourcesDeps["sleep"]): Promise<void> {
  const done = new AbortController();
  await Promise.race([work, sleep(ms, done.signal)]);
  done.abort("in time");
}
