import type { DriverSamples } from "../../../model/sample.ts";
import type { BufferSummary } from "./types.ts";

/** Signals of one device that are told apart. */
const MAX_SIGNALS = 32;

interface Track extends BufferSummary {
  sum: number;
  /** Time between the first and the last value of each buffer, and the steps in it. */
  spanMs: number;
  steps: number;
}

/** The driver's buffers of one device, signal by signal. */
export class BufferTracks {
  readonly #bySignal = new Map<string, Track>();

  add(samples: DriverSamples): void {
    const { signal, unit, offsetsMs, values } = samples;
    const track = this.#bySignal.get(signal) ?? emptyTrack(signal, unit);
    if (!this.#bySignal.has(signal)) {
      if (this.#bySignal.size >= MAX_SIGNALS) return;
      this.#bySignal.set(signal, track);
    }
    track.lines += 1;
    track.values += values.length;
    track.steps += Math.max(0, offsetsMs.length - 1);
    track.spanMs += (offsetsMs.at(-1) ?? 0) - (offsetsMs[0] ?? 0);
    for (const value of values) {
      track.sum += value;
      track.min = Math.min(track.min ?? value, value);
      track.max = Math.max(track.max ?? value, value);
    }
  }

  summary(): BufferSummary[] {
    return [...this.#bySignal.values()].map(({ sum, spanMs, steps, ...track }) => ({
      ...track,
      spacingMs: steps > 0 ? spanMs / steps : undefined,
      mean: track.values > 0 ? sum / track.values : undefined,
    }));
  }
}

function emptyTrack(signal: string, unit: string): Track {
  const none = { spacingMs: undefined, min: undefined, mean: undefined, max: undefined };
  return { signal, unit, lines: 0, values: 0, sum: 0, spanMs: 0, steps: 0, ...none };
}
