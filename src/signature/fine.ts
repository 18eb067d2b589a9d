import type { DriverSamples } from "../model/sample.ts";
import type { Signature } from "../model/signature.ts";
import type { Window } from "../model/window.ts";
import { mean, spread } from "./statistics.ts";

/** Below two a second a buffer shows nothing that the readings do not. */
const MIN_PER_SECOND = 2;

/** The buffers that features are made of: nobody else reads the others. */
export const FINE_SIGNALS: readonly string[] = ["power", "gpuUtil"];

type FineFeatures = Pick<
  Signature["features"],
  "finePowerVariation" | "fineGpuUtilSpread" | "fineZeroUtilShare"
>;

/** Rhythm within the seconds of a window, from the driver's buffers that reach into it. */
export function fineFeatures(buffers: readonly DriverSamples[], window: Window): FineFeatures {
  const power = valuesIn(buffers, "power", window);
  const utils = valuesIn(buffers, "gpuUtil", window);
  const [centre, deviation] = [mean(power), spread(power)];
  const isMeasured = centre !== undefined && deviation !== undefined && centre > 0;
  return {
    finePowerVariation: isMeasured ? deviation / centre : undefined,
    fineGpuUtilSpread: spread(utils),
    fineZeroUtilShare: mean(utils.map((util) => (util === 0 ? 1 : 0))),
  };
}

/** The values of one signal inside a window; none where they are too few to add anything. */
function valuesIn(buffers: readonly DriverSamples[], signal: string, window: Window): number[] {
  const values: number[] = [];
  for (const buffer of buffers) {
    if (buffer.signal !== signal) continue;
    buffer.values.forEach((value, i) => {
      const atMs = buffer.fromMs + (buffer.offsetsMs[i] ?? 0);
      if (atMs >= window.fromMs && atMs < window.toMs) values.push(value);
    });
  }
  const seconds = (window.toMs - window.fromMs) / 1000;
  return values.length < MIN_PER_SECOND * seconds ? [] : values;
}
