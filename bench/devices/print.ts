import { table } from "../print.ts";
import type { CompareResult } from "./compare.ts";

export function compareText(result: CompareResult | string): string {
  if (typeof result === "string") return `\nDevices: nothing to compare: ${result}\n`;
  const { driver, readings, readingMs, calls, quantities } = result;
  const number = (value: number | undefined): string =>
    value === undefined ? "-" : value.toPrecision(6);
  const rows = quantities.map(({ gpu, quantity, pairs, nvml, smi, difference }) => [
    `gpu${gpu} ${quantity}`,
    String(pairs),
    number(nvml),
    number(smi),
    number(difference),
  ]);
  const times = calls.map(({ symbol, count, medianMs, worstMs }) => [
    symbol,
    String(count),
    `${medianMs.toFixed(4)} ms`,
    `${worstMs.toFixed(3)} ms`,
  ]);
  return `
Devices: NVML beside nvidia-smi, ${readings} readings a second apart; ${driver}
a reading of all devices took ${readingMs.median.toFixed(2)} ms (worst ${readingMs.worst.toFixed(2)} ms)
${table([["", "pairs", "NVML, median", "nvidia-smi, median", "difference, median"], ...rows])}
${table([["call", "times", "median", "worst"], ...times])}`;
}
