import type { GpuSample } from "../../model/sample.ts";
import { gpuIndexOf, millisecondsOf, type RawLine, typeName } from "./fields.ts";
import { LIMITS, plausible } from "../limits.ts";
import { type LinePlace, malformed } from "./place.ts";
import type { WarningLog } from "./warnings.ts";

/**
 * A `gpu` line. Nearly every line of a recording is one, so it is checked by hand, as strictly as
 * a schema would: a schema library takes several times as long for each line.
 * @throws AssayError `recording/malformed` where a field has the wrong type
 */
export function gpuSampleOf(raw: RawLine, at: LinePlace, warnings: WarningLog): GpuSample {
  const sample: GpuSample = {
    kind: "gpu",
    atMs: millisecondsOf(raw["t"], "t", at),
    gpu: gpuIndexOf(raw["gpu"], at),
  };
  for (const field in raw) {
    const limit = LIMITS.get(field);
    if (limit === undefined) {
      if (field !== "t" && field !== "gpu" && field !== "kind")
        warnings.add("unknown-field", `gpu.${field}`, at);
      continue;
    }
    const value = raw[field];
    if (value === null) continue;
    if (typeof value !== "number")
      throw malformed(at, `\`${field}\` must be a number, not ${typeName(value)}`);
    const believed = plausible(limit, value);
    if (believed === undefined) warnings.add("implausible-value", `gpu.${field}`, at);
    else sample[limit.name] = believed;
  }
  return sample;
}
