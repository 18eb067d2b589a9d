/** Rules that peers publish or that people hold: nothing in them is learnt. */
import type { Label } from "../../../src/model/label.ts";
import type { GpuQuantity } from "../../../src/model/sample.ts";
import { mean, spread } from "../../../src/signature/statistics.ts";
import { type PeerWindow, valuesOf } from "./signals.ts";

export type Rule = (window: PeerWindow) => Label;

/** Below this utilisation a window is idle by every rule. */
const IDLE_UTIL = 0.01;

const meanOf = (window: PeerWindow, quantity: GpuQuantity): number | undefined =>
  mean(valuesOf(window.samples, quantity));

function variation(window: PeerWindow, quantity: GpuQuantity): number | undefined {
  const values = valuesOf(window.samples, quantity);
  const [centre, by] = [mean(values), spread(values)];
  return centre === undefined || by === undefined || centre <= 0 ? undefined : by / centre;
}

/** Idle where nothing runs, unknown where nothing was measured, else what the rule says. */
const busy =
  (rule: Rule): Rule =>
  (window) => {
    const util = meanOf(window, "gpuUtil");
    if (util === undefined) return "unknown";
    return util < IDLE_UTIL ? "idle" : rule(window);
  };

export const floorRule = busy(() => "training-like");

/** High power, tensor cores at work, or traffic between devices that comes in beats. */
const TRAINING_WATTS = 400;
const TRAINING_TENSOR_SHARE = 0.5;
const RHYTHM_BYTES_PER_SEC = 1e9;
const RHYTHM_VARIATION = 0.5;

export const thresholdRule = busy((window) => {
  const [tensor, active] = [meanOf(window, "tensorActive"), meanOf(window, "smActive")];
  const tensorShare = tensor !== undefined && active ? tensor / active : 0;
  const traffic = meanOf(window, "nvlinkTxBytesPerSec") ?? 0;
  const beats = variation(window, "nvlinkTxBytesPerSec") ?? 0;
  const isTraining =
    (meanOf(window, "powerWatts") ?? 0) > TRAINING_WATTS ||
    tensorShare > TRAINING_TENSOR_SHARE ||
    (traffic > RHYTHM_BYTES_PER_SEC && beats > RHYTHM_VARIATION);
  return isTraining ? "training-like" : "inference-like";
});

/** Steps show as variance, serving does not: so the saying goes. */
const STEPPING_VARIATION = 0.1;

export const varianceRule = busy((window) =>
  (variation(window, "powerWatts") ?? 0) > STEPPING_VARIATION ? "training-like" : "inference-like",
);

const STEADY_UTIL = 0.9;
const STEADY_VARIATION = 0.05;

/** A detector of mining alone: what is none it has no name for. */
export const steadyRule = busy((window) => {
  const isHigh = (meanOf(window, "gpuUtil") ?? 0) >= STEADY_UTIL;
  const isSteady = (variation(window, "powerWatts") ?? Infinity) < STEADY_VARIATION;
  return isHigh && isSteady ? "mining-like" : "unknown";
});
