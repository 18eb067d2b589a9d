import Table from "cli-table3";
import type { Calibration } from "../../model/calibration.ts";
import { formatDuration } from "../../model/duration.ts";
import { percentText, resourceName, siText } from "../../model/rate-text.ts";
import type { Placed, Roofline } from "../../model/roofline.ts";
import { sanitize } from "../../model/text.ts";
import type { CalibrationProgress, CalibrationRun } from "../../probe/calibration-types.ts";

const NOT_MEASURED = "-";

/** One line of progress; empty for a step that is not worth one. */
export function progressText(progress: CalibrationProgress): string {
  switch (progress.stage) {
    case "waiting":
      return `waiting for the GPU: ${progress.text}\n`;
    case "note":
      return `note: ${progress.text}\n`;
    case "open":
      return "opening the device\n";
    case "baseline":
      return "reading the idle GPU\n";
    case "done":
      return `${progress.kernel}: ${rateText(progress.calibration)}\n`;
    case "lacking":
      return `${progress.kernel}: left out, ${sanitize(progress.reason)}\n`;
    case "failed":
      return `${progress.kernel}: ${progress.error.report()}\n`;
    case "tune":
    case "verify":
    case "run":
      return `${progress.kernel}: ${progress.stage}\n`;
    default:
      return "";
  }
}

/** The kernels that were measured now, and where each stands below this device's own ceilings. */
export function calibrationTable(
  calibrations: readonly Calibration[],
  roofline: Roofline<Calibration>,
): string {
  const table = new Table({
    head: ["Kernel", "Rate", "Spread", "Of its ceiling", "Board", "Energy", "SM clock", "Temp"],
    colAligns: ["left", "right", "right", "right", "right", "right", "right", "right"],
    style: { head: [], border: [] },
  });
  for (const each of calibrations) {
    const placed = roofline.kernels.find(({ measured }) => measured === each);
    table.push([
      each.kernel,
      rateText(each),
      each.rateSpread === undefined ? NOT_MEASURED : percentText(each.rateSpread),
      ceilingText(placed),
      reading(each.telemetry["powerWatts"], "W"),
      joulesText(each),
      reading(each.telemetry["smClockMHz"], "MHz"),
      reading(each.telemetry["tempC"], "°C"),
    ]);
  }
  return `${table.toString()}\n`;
}

function rateText({ ratePerSecond, unit }: Calibration): string {
  return siText(ratePerSecond, unit);
}

/** A ceiling that was not measured is named with a question mark: it may bind tighter. */
function ceilingText(placed: Placed | undefined): string {
  const { fraction, resource, isCeiling, missing = [] } = placed?.bound ?? {};
  const unknown = missing.map((each) => `${resourceName(each)}?`);
  if (fraction === undefined || resource === undefined)
    return unknown.length === 0 ? NOT_MEASURED : unknown.join(" ");
  const name = resourceName(resource);
  if (isCeiling) return `sets ${name}`;
  return [`${percentText(fraction)} of ${name}`, ...unknown].join(" ");
}

function reading(value: number | undefined, unit: string): string {
  return value === undefined ? NOT_MEASURED : `${value.toFixed(0)} ${unit}`;
}

/** Joules of the whole board for a million, a billion … units, as watts read best. */
function joulesText({ joulesPerUnit, unit }: Calibration): string {
  if (joulesPerUnit === undefined) return NOT_MEASURED;
  const each = unit.replace(/\/s$/, "");
  return `${(joulesPerUnit * 1e9).toPrecision(3)} J/G${each}`;
}

/** What was spent, what was left out, and what could not be watched. */
export function accountText(
  run: CalibrationRun,
  adapter: string,
  { hasDaemon, money }: { hasDaemon: boolean; money: string | undefined },
): string {
  const { gpuSeconds, energyJoules, wallSeconds, lacking, failed, watched, calibrations } = run;
  const lines: string[] = [];
  const energy =
    energyJoules === undefined
      ? "energy not measured"
      : `${energyJoules.toFixed(0)} J of the whole board, its idle power included`;
  const price = money === undefined ? "" : `, ${money}`;
  lines.push(
    `Spent ${gpuSeconds.toFixed(1)} s of GPU time, ${energy}${price}, in ${formatDuration(wallSeconds * 1000)}.`,
  );
  if (calibrations.some(({ joulesPerUnit }) => joulesPerUnit !== undefined))
    lines.push("Energy of a kernel is the board's mean power times the time, over its work.");
  for (const { kernel, reason } of lacking) lines.push(`Left out: ${kernel}, ${sanitize(reason)}.`);
  for (const { kernel, error } of failed)
    lines.push(`Failed: ${kernel}, ${error.code}, ${error.message}.`);
  if (watched === "software")
    lines.push(
      `SOFTWARE: ${adapter === "" ? "" : `on ${adapter} `}a CPU plays GPU: never a GPU's reference, no scale changes.`,
    );
  if (watched === "nothing")
    lines.push("Who is on this GPU cannot be seen here: that nobody else came was not watched.");
  if (watched !== "software")
    lines.push(
      hasDaemon
        ? "The daemon bills this time to the agent, and reads labels on this scale from now on."
        : "No daemon sampled meanwhile: this GPU time is in no slice.",
    );
  return lines.map((line) => `${line}\n`).join("");
}
