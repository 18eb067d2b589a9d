import type { DeviceSummary } from "../../collect/recording/summary/types.ts";
import { sanitize } from "../../model/text.ts";
import type { Inspection } from "./inspection.ts";

/** One JSON object, on several lines; times in Unix milliseconds, what is not known left out. */
export function inspectionJson(inspection: Inspection): string {
  const { file, lines, kinds, summary, warnings } = inspection;
  const { simulated, node, source, intervalMs, fromMs, toMs, ...rest } = summary;
  const durationMs = fromMs === undefined || toMs === undefined ? undefined : toMs - fromMs;
  const whole = {
    file,
    simulated,
    node,
    source,
    intervalMs,
    fromMs,
    toMs,
    durationMs,
    lines,
    kinds: Object.fromEntries(kinds),
    ...rest,
    devices: rest.devices.map(deviceJson),
    warnings,
  };
  return `${JSON.stringify(whole, safe, 2)}\n`;
}

function deviceJson({ quantities, health, ...device }: DeviceSummary): object {
  return {
    ...device,
    quantities: quantities.map((quantity) => ({
      ...quantity,
      points: undefined,
      share: quantity.count / device.samples,
    })),
    health: { ...health, xids: Object.fromEntries(health.xids) },
  };
}

/** Every text comes from the file, the names of objects too. */
function safe(_key: string, value: unknown): unknown {
  if (typeof value === "string") return sanitize(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [sanitize(key), each]));
}
