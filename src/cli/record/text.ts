import type { RecordingWriter } from "../../collect/recording/write.ts";
import { formatDuration } from "../../model/duration.ts";
import type { Recorded } from "./recording.ts";

/** What was written, how evenly and at what cost: the last words of `assay record`. */
export function recordedText(
  { readings, elapsedMs, drops, overhead }: Recorded,
  { counts, bytes }: Pick<RecordingWriter, "counts" | "bytes">,
  intervalMs: number,
): string {
  const { lines, droppedFull, droppedRefused } = counts;
  const asked = (1000 / intervalMs).toFixed(2);
  const rate =
    readings > 1 && elapsedMs > 0 ? (((readings - 1) * 1000) / elapsedMs).toFixed(2) : "none";
  const skipped = drops > 0 ? `; ${drops} were skipped or came too late` : "";
  const text = [
    `${lines} lines written, ${droppedFull + droppedRefused} dropped`,
    `${bytesText(bytes)} in ${formatDuration(elapsedMs)}`,
    `${readings} readings, ${rate} a second of ${asked} asked${skipped}`,
  ];
  if (overhead) {
    const { meanMs, maxMs, cpuMs = 0 } = overhead;
    text.push(
      `a reading took ${meanMs.toFixed(2)} ms, ${maxMs.toFixed(2)} ms at most, and ${cpuMs.toFixed(2)} ms of processor time with its writing`,
    );
  }
  return `${text.join("\n")}\n`;
}

function bytesText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} bytes`;
  return bytes < 10_000_000 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
