import { rmSync } from "node:fs";
import { dirname } from "node:path";
import koffi from "koffi";
import { afterEach, expect } from "vitest";
import type { Collector } from "../../../src/collect/contract.ts";
import type { OpenInstanceCounters } from "../../../src/collect/nvml/mig-device.ts";
import { NvmlReader, type NvmlSettings } from "../../../src/collect/nvml/reader.ts";
import type { Observation } from "../../../src/model/observation.ts";
import { compileNvmlStub, haveCompiler, type NvmlScript } from "../../support/nvml-stub.ts";

/** The time of the first reading. */
export const AT = 1_800_000_000_000;
export const compiler = haveCompiler();
/** Ends the names of tests that need the stand-in. */
export const suffix = compiler ? "" : " (skipped: no C compiler `cc`)";

const opened: { collector: Collector; library: string }[] = [];
afterEach(async () => {
  for (const { collector, library } of opened.splice(0)) {
    await collector.close();
    rmSync(dirname(library), { recursive: true });
  }
});

export interface Rig {
  library: string;
  clock: { nowMs: number };
  collector: Collector;
  calls(symbol: string, device?: number): number;
}

export const rig = (
  script: NvmlScript = {},
  options: {
    without?: string[];
    settings?: Partial<NvmlSettings>;
    openCounters?: OpenInstanceCounters;
  } = {},
): Rig => {
  const library = compileNvmlStub({ script, without: options.without ?? [] });
  const clock = { nowMs: 0 };
  const settings = { node: "n1", intervalMs: 1000, library, simulated: true, ...options.settings };
  const reader = new NvmlReader(settings, { openCounters: options.openCounters });
  const collector: Collector = {
    name: "nvml",
    open: async () => reader.open(clock.nowMs),
    collect: async (atMs) => reader.collect(atMs, clock.nowMs),
    close: async () => reader.close(),
  };
  opened.push({ collector, library });
  const calls = (symbol: string, device = 0): number =>
    Number(koffi.load(library).func("assay_stub_calls", "long", ["str", "int"])(symbol, device));
  return { library, clock, collector, calls };
};

export const ready = async (...args: Parameters<typeof rig>): Promise<Rig> => {
  const made = rig(...args);
  expect(await made.collector.open()).toMatchObject({ status: "ready" });
  return made;
};

export const of = <K extends Observation["kind"]>(kind: K, seen: readonly Observation[]) =>
  seen.filter((o): o is Extract<Observation, { kind: K }> => o.kind === kind);

/** What one reading brought, in few words: devices as `index uuid`, gaps as `gpu from-to` in seconds. */
export const brief = (seen: readonly Observation[]) => ({
  seen,
  node: of("node", seen)[0]?.gpus.map(({ index, uuid }) => `${index} ${uuid}`),
  gpus: of("gpu", seen).map(({ gpu }) => gpu),
  gaps: of("gap", seen).map(
    ({ gpu, fromMs, toMs }) => `${gpu} ${(fromMs - AT) / 1000}-${(toMs - AT) / 1000}`,
  ),
});
