import type { GpuSample } from "../model/sample.ts";
import { measured, variationOf } from "./readings.ts";

/** Power follows a change of the load within about a second, by the board and by its sensor. */
const EDGE_MS = 1000;
/** Fewer readings within bursts have no spread worth the name. */
const MIN_READINGS = 5;

/**
 * Power's standard deviation over its mean where the device had been at work for a while and went
 * on: the edges of bursts say when somebody worked, not what they did.
 * @param busy those of the samples that say the device was busy
 */
export function plateauVariation(
  samples: readonly GpuSample[],
  busy: readonly GpuSample[],
): number | undefined {
  const inside = busy.length === samples.length ? busy : awayFromRests(samples, busy);
  const watts = measured(inside, "powerWatts");
  return watts.length < MIN_READINGS ? undefined : variationOf(watts);
}

function awayFromRests(samples: readonly GpuSample[], busy: readonly GpuSample[]): GpuSample[] {
  const isBusy = new Set(busy);
  const rests = samples.filter((sample) => !isBusy.has(sample)).map(({ atMs }) => atMs);
  let next = 0;
  return busy.filter(({ atMs }) => {
    while ((rests[next] ?? Infinity) < atMs) next += 1;
    const [before, after] = [rests[next - 1] ?? -Infinity, rests[next] ?? Infinity];
    return atMs - before > EDGE_MS && after - atMs > EDGE_MS;
  });
}
