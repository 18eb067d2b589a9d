import { readValue, readWide, view } from "./layouts.ts";

/** nvmlSample_t: timeStamp 0 (Unix microseconds), sampleValue 8 (an nvmlValue_t). */
export const BUFFER_SAMPLE = 16;

export interface BufferSample {
  timestampUs: number;
  value: number;
}

/** Samples that hold a value, as the driver wrote them, whatever the order. */
export function decodeBufferSamples(
  bytes: Uint8Array,
  count: number,
  valueType: number,
): BufferSample[] {
  const samples: BufferSample[] = [];
  const data = view(bytes);
  for (let i = 0; i < count; i++) {
    const at = i * BUFFER_SAMPLE;
    const value = readValue(data, at + 8, valueType);
    if (value !== undefined) samples.push({ timestampUs: readWide(data, at), value });
  }
  return samples;
}

/** What of a buffer can be believed: later than `afterUs`, not after `horizonUs`, a value in range. */
export function believedSamples(
  samples: readonly BufferSample[],
  limits: { afterUs: number; horizonUs: number; min: number; max: number },
): BufferSample[] {
  const { afterUs, horizonUs, min, max } = limits;
  const sorted = samples
    .filter(({ timestampUs: at }) => at > afterUs && at <= horizonUs)
    .filter(({ value }) => value >= min && value <= max)
    .sort((a, b) => a.timestampUs - b.timestampUs);
  // Some drivers hand out the newest one twice.
  return sorted.filter(({ timestampUs }, i) => timestampUs !== sorted[i - 1]?.timestampUs);
}
