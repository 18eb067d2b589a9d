import type { RecordingWarning } from "../collect/recording/warnings.ts";
import { ownerKey } from "../model/owner.ts";
import { sanitize } from "../model/text.ts";
import type { Slice } from "../model/slice.ts";

/** One line about what a reader put up with. */
export function warningText(file: string, warning: RecordingWarning): string {
  const { code, count, subject, firstPlace } = warning;
  return `warning ${file}: ${code} (${subject}), ${count} times, first at ${firstPlace}`;
}

/** A finished slice as a readable line: when, which device, what, whose, how much and why. */
export function sliceText(slice: Slice, gpuName: string): string {
  const at = new Date(slice.fromMs).toISOString().slice(11, 19);
  const share = `${(slice.timeMs / 1000).toFixed(1)} s`.padStart(7);
  const energy =
    slice.energyMj === undefined ? "      -" : `${(slice.energyMj / 1e6).toFixed(2)} kJ`;
  const label = slice.label.padEnd(14);
  const confidence = slice.confidence.toFixed(2);
  const owner = sanitize(ownerKey(slice.owner), 40).padEnd(24);
  const why = slice.evidence[0]?.text ?? "";
  return `${at} ${gpuName} ${label} ${confidence} ${owner} ${share} ${energy.padStart(9)}  ${why}`;
}
