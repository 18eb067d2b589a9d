import type { Evidence } from "../model/evidence.ts";
import type { Share } from "../model/slice.ts";
import type { Window } from "../model/window.ts";

/** So many processes are named in a sentence. */
const MAX_NAMED = 5;

/**
 * Use of a device that nobody visible explains, as evidence on nobody's share; empty for any other
 * share. It says that somebody cannot be seen, and nothing of what he does: it moves no label.
 */
export function hiddenUse({ basis, unexplained }: Share, window: Window): Evidence[] {
  if (!unexplained) return [];
  const { deviceUse, visibleUse, overMs, lists, lastListAtMs, listed } = unexplained;
  const before = (window.toMs - lastListAtMs) / 1000;
  const when = before < 0.1 ? "at" : `${before.toFixed(1)} s before`;
  const looked = `${count(lists, "list")} of processes read at that time, the last ${when} the window's end with ${count(listed, "process", "es")}`;
  const over = `for ${(overMs / 1000).toFixed(1)} s`;
  const text =
    basis === "hidden-process"
      ? `the driver names ${namesOf(unexplained.unlistedPids)} on the device ${over}, which was used ${percent(deviceUse)}, and /proc, where all processes of the host show, has none of that number: something hides it (${looked})`
      : `the device was used ${percent(deviceUse)} ${over}, and all processes that were seen used ${percent(visibleUse)}: nobody who can be seen explains the rest (${looked})`;
  const value = Math.round((deviceUse - visibleUse) * 1000) / 1000;
  return [{ family: "context", feature: "hiddenUse", value, text, weights: {} }];
}

function namesOf(pids: readonly number[]): string {
  const named = pids.slice(0, MAX_NAMED).join(", ");
  const more = pids.length > MAX_NAMED ? ` and ${pids.length - MAX_NAMED} more` : "";
  return `${pids.length === 1 ? "process" : "processes"} ${named}${more}`;
}

function count(of: number, what: string, plural = "s"): string {
  return `${of} ${what}${of === 1 ? "" : plural}`;
}

function percent(ratio: number): string {
  return `${Math.round(Math.min(1, ratio) * 100)} %`;
}
