import { readU32, view } from "./layouts.ts";

/**
 * nvmlGpmMetricsGet_t: version 0 (1), numMetrics 4, sample1 8, sample2 16, metrics from 24, of 40 bytes
 * each. The array grew from 98 to 210 to 333 entries while `version` stayed 1, and a driver may write to
 * all of what its own header knows: a struct of fewer entries would be written beyond its end.
 */
export const GPM_METRICS_GET = 13_344;
/** nvmlGpmSupport_t: version 0 (1), isSupportedDevice 4. */
export const GPM_SUPPORT = 8;

const VERSION = 1;
const METRICS_AT = 24;
const METRIC = 40;
/** "Unknown error": what a metric says that the driver has left alone. */
const UNTOUCHED = 999;

export function encodeGpmSupport(): Uint8Array {
  const bytes = new Uint8Array(GPM_SUPPORT);
  view(bytes).setUint32(0, VERSION, true);
  return bytes;
}

export function decodeGpmSupport(bytes: Uint8Array): boolean {
  return readU32(bytes, 4) !== 0;
}

/**
 * Asks for `ids` between two samples.
 * @param bytes of {@link GPM_METRICS_GET}, written over
 */
export function encodeGpmRequest(
  bytes: Uint8Array,
  older: bigint,
  newer: bigint,
  ids: readonly number[],
): void {
  bytes.fill(0);
  const data = view(bytes);
  data.setUint32(0, VERSION, true);
  data.setUint32(4, ids.length, true);
  data.setBigUint64(8, older, true);
  data.setBigUint64(16, newer, true);
  ids.forEach((id, i) => {
    const at = METRICS_AT + i * METRIC;
    data.setUint32(at, id, true);
    // Else a metric that the driver skips would read as a measured 0.
    data.setUint32(at + 4, UNTOUCHED, true);
  });
}

export interface GpmMetric {
  id: number;
  result: number;
  value: number;
}

/** nvmlGpmMetric_t: metricId 0, nvmlReturn 4, value 8 (double), then three names. */
export function decodeGpmMetrics(bytes: Uint8Array, count: number): GpmMetric[] {
  const data = view(bytes);
  return Array.from({ length: count }, (_, i) => {
    const at = METRICS_AT + i * METRIC;
    return {
      id: data.getUint32(at, true),
      result: data.getUint32(at + 4, true),
      value: data.getFloat64(at + 8, true),
    };
  });
}
