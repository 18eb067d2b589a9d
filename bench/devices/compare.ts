/**
 * On a machine with an NVIDIA GPU: the readings of NVML beside those of `nvidia-smi`, taken at the same
 * time, and what each call into the driver took. It reads only. Without a driver it says so.
 */
import { createNvidiaSmiCollector } from "../../src/collect/nvidia-smi/collector.ts";
import { loadNvml, type NvmlLibrary, type NvmlSymbol } from "../../src/collect/nvml/library.ts";
import { NvmlReader } from "../../src/collect/nvml/reader.ts";
import type { Observation } from "../../src/model/observation.ts";
import { GPU_QUANTITIES, type GpuQuantity, type GpuSample } from "../../src/model/sample.ts";
import { quantile } from "../statistics.ts";

export interface CompareResult {
  driver: string;
  readings: number;
  readingMs: { median: number; worst: number };
  calls: { symbol: string; count: number; medianMs: number; worstMs: number }[];
  quantities: {
    gpu: number;
    quantity: GpuQuantity;
    /** Readings in which both told it. */
    pairs: number;
    nvml: number | undefined;
    smi: number | undefined;
    /** Median of the absolute differences. */
    difference: number | undefined;
  }[];
}

export interface CompareOptions {
  /** Stand-ins for tests; by default the driver's own library and program. */
  library?: string | undefined;
  smi?: string | undefined;
  readings?: number | undefined;
  everyMs?: number | undefined;
}

const READINGS = 30;
const EVERY_MS = 1000;

/** @returns why there is nothing to compare, where that is so */
export async function compareDevices(
  options: CompareOptions = {},
): Promise<CompareResult | string> {
  const { library, smi, everyMs = EVERY_MS } = options;
  const timings = new Map<NvmlSymbol, number[]>();
  const settings = { node: "bench", intervalMs: everyMs };
  const reader = new NvmlReader(
    { ...settings, library },
    { load: (path) => timed(loadNvml(path), timings) },
  );
  const clock = { monotonicMs: () => performance.now() };
  const program = createNvidiaSmiCollector({ ...settings, path: smi }, clock);
  try {
    const opened = reader.open(clock.monotonicMs());
    if (opened.status === "absent") return opened.reason;
    const other = await program.open();
    if (other.status === "absent") return other.reason;
    return { driver: opened.detail, ...(await compare(reader, program, timings, options)) };
  } finally {
    reader.close();
    await program.close();
  }
}

async function compare(
  reader: NvmlReader,
  program: { collect(atMs: number): Promise<readonly Observation[]> },
  timings: Map<NvmlSymbol, number[]>,
  { readings = READINGS, everyMs = EVERY_MS }: CompareOptions,
): Promise<Omit<CompareResult, "driver">> {
  const ours: GpuSample[] = [];
  const theirs: GpuSample[] = [];
  const readingMs: number[] = [];
  for (let tick = 0; tick < readings; tick += 1) {
    const startedMs = performance.now();
    ours.push(...samplesOf(reader.collect(Date.now(), startedMs)));
    readingMs.push(performance.now() - startedMs);
    theirs.push(...samplesOf(await program.collect(Date.now())));
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  const calls = [...timings].map(([symbol, ms]) => ({
    symbol,
    count: ms.length,
    medianMs: quantile(ms, 0.5),
    worstMs: quantile(ms, 1),
  }));
  return {
    readings,
    readingMs: { median: quantile(readingMs, 0.5), worst: quantile(readingMs, 1) },
    calls: calls.sort((a, b) => b.medianMs * b.count - a.medianMs * a.count),
    quantities: quantitiesOf(ours, theirs),
  };
}

function timed(
  loaded: ReturnType<typeof loadNvml>,
  timings: Map<NvmlSymbol, number[]>,
): ReturnType<typeof loadNvml> {
  if (loaded.status === "missing") return loaded;
  const { library } = loaded;
  const call: NvmlLibrary["call"] = (symbol, ...args) => {
    const startedMs = performance.now();
    const result = library.call(symbol, ...args);
    const known = timings.get(symbol) ?? [];
    known.push(performance.now() - startedMs);
    timings.set(symbol, known);
    return result;
  };
  const { path, missing } = library;
  return { status: "loaded", library: { path, missing, call, unload: () => library.unload() } };
}

function samplesOf(seen: readonly Observation[]): GpuSample[] {
  return seen.flatMap((each) => (each.kind === "gpu" ? [each] : []));
}

/** Samples of one moment are those of one place in the two series: both were read once a second. */
function quantitiesOf(
  ours: readonly GpuSample[],
  theirs: readonly GpuSample[],
): CompareResult["quantities"] {
  const gpus = [...new Set(ours.map(({ gpu }) => gpu))];
  return gpus.flatMap((gpu) =>
    GPU_QUANTITIES.flatMap((quantity) => {
      const nvml = valuesOf(ours, gpu, quantity);
      const smi = valuesOf(theirs, gpu, quantity);
      if (nvml.length + smi.length === 0) return [];
      const pairs = Math.min(nvml.length, smi.length);
      const [a, b] = [nvml.slice(-pairs), smi.slice(-pairs)];
      const differences = a.map((value, i) => Math.abs(value - (b[i] ?? value)));
      return [
        {
          gpu,
          quantity,
          pairs,
          nvml: median(nvml),
          smi: median(smi),
          difference: pairs === 0 ? undefined : median(differences),
        },
      ];
    }),
  );
}

function valuesOf(samples: readonly GpuSample[], gpu: number, quantity: GpuQuantity): number[] {
  return samples.flatMap((sample) => (sample.gpu === gpu ? (sample[quantity] ?? []) : []));
}

function median(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : quantile(values, 0.5);
}
