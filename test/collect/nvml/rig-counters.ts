import koffi from "koffi";
import type { Observation } from "../../../src/model/observation.ts";
import type { GpuSample } from "../../../src/model/sample.ts";
import { scriptNvmlStub, type NvmlScript } from "../../support/nvml-stub.ts";
import { AT, of, type Rig } from "./rig.ts";

/** Reads at `ms` after the first reading, by both clocks. */
export const at = async (made: Rig, ms: number): Promise<readonly Observation[]> => {
  made.clock.nowMs = ms;
  return made.collector.collect(AT + ms);
};

/** The first device's own line at each of the times. */
export const gpuAt = async (
  made: Rig,
  times: readonly number[],
): Promise<(GpuSample | undefined)[]> => {
  const lines: (GpuSample | undefined)[] = [];
  for (const ms of times) lines.push(of("gpu", await at(made, ms))[0]);
  return lines;
};

/** A line for each script, a second apart. */
export const gpuOf = async (made: Rig, scripts: readonly NvmlScript[], stepMs = 1000) => {
  const lines: (GpuSample | undefined)[] = [];
  for (const [i, script] of scripts.entries()) {
    scriptNvmlStub(made.library, script);
    lines.push(of("gpu", await at(made, i * stepMs))[0]);
  }
  return lines;
};

const stub = (made: Rig) => koffi.load(made.library);

/** Samples of profiling counters: allocated now, at most, and the last two that were compared. */
export const gpmFigures = (made: Rig) => {
  const figure = stub(made).func("assay_stub_gpm", "long", ["int"]);
  const [live, peak, older, newer] = [0, 1, 2, 3].map((which) => Number(figure(which)));
  return { live, peak, older, newer };
};

const listed = (made: Rig, symbol: string): number[] =>
  String(stub(made).func(symbol, "str", [])())
    .split(" ")
    .filter((id) => id !== "")
    .map(Number);

/** The metrics that the last request asked for. */
export const gpmAsked = (made: Rig): number[] => listed(made, "assay_stub_gpm_asked");
/** The fields that the last request asked for. */
export const fieldsAsked = (made: Rig): number[] => listed(made, "assay_stub_fields");
/** Event sets made and not given back. */
export const eventSets = (made: Rig): number =>
  Number(stub(made).func("assay_stub_event_sets", "long", [])());
