import type { Resource } from "./calibration.ts";

const PREFIXES = ["", "k", "M", "G", "T", "P", "E"] as const;
const DIGITS = 3;

/** A value of at least 0 with three digits and an SI prefix: `1.23 Ghash/s`, `61.2 TFLOP/s`. */
export function siText(value: number, unit: string): string {
  if (!Number.isFinite(value)) return `not a number of ${unit}`;
  // Rounded first: 999,950 is 1.00 M, not 1000 k.
  const rounded = Number(value.toPrecision(DIGITS));
  const power = rounded < 1 ? 0 : Math.floor(Math.log10(rounded) / 3 + 1e-9);
  const at = Math.min(PREFIXES.length - 1, power);
  const scaled = rounded / 1000 ** at;
  return `${scaled >= 1000 ? scaled.toFixed(0) : scaled.toPrecision(DIGITS)} ${PREFIXES[at] ?? ""}${unit}`;
}

interface ResourceWords {
  name: string;
  unit: string;
}

const WORDS: Readonly<Record<Resource, ResourceWords>> = {
  "int32-op": { name: "int32", unit: "op/s" },
  "f32-flop": { name: "f32", unit: "FLOP/s" },
  "f16-flop": { name: "f16", unit: "FLOP/s" },
  "tensor-flop": { name: "tensor", unit: "FLOP/s" },
  "int8-op": { name: "int8", unit: "op/s" },
  "memory-byte": { name: "memory", unit: "B/s" },
  "gather-byte": { name: "gather", unit: "B/s" },
  "shared-byte": { name: "shared", unit: "B/s" },
};

/** Short, for tables and labels. */
export function resourceName(resource: Resource): string {
  return WORDS[resource].name;
}

/** So much of a resource a second. */
export function resourceRateText(resource: Resource, perSecond: number): string {
  return siText(perSecond, WORDS[resource].unit);
}

/** `0.618` as `61.8 %`; never 0 where it is a little more. */
export function percentText(share: number): string {
  const text = (100 * share).toFixed(1);
  return share > 0 && Number(text) === 0 ? "<0.1 %" : `${text} %`;
}
