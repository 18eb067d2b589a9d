import { z } from "zod";
import { KERNELS } from "../../src/probe/kernels/all.ts";
import { hashedUuid } from "./anonymise.ts";
import { assayCommand } from "./assay.ts";
import { Child } from "./child.ts";
import type { Device } from "./device.ts";
import { readJson, writeJson } from "./json-file.ts";

const calibrationSchema = z.looseObject({ kernel: z.string(), gpuUuid: z.string() });
const left = z.array(z.looseObject({ kernel: z.string() })).default([]);
const toldSchema = z.looseObject({
  calibrations: z.array(calibrationSchema),
  lacking: left,
  failed: left,
});
/** `calibration.json` of a campaign. */
const keptSchema = z.object({
  version: z.literal(1),
  /** `part`: the time was up; the next call goes on. `none`: it cannot be done here. */
  state: z.enum(["whole", "part", "none"]),
  reason: z.string().optional(),
  calibrations: z.array(calibrationSchema),
  left: z.array(z.string()),
});
type Kept = z.infer<typeof keptSchema>;

/** How long it waits for the device to be free, and measures each kernel at a time. */
const WAIT = "15s";
const ROUND_SECONDS = "1";
/** From being asked to end to having kept what was whole. */
const END_MS = 15_000;
/** Where not one kernel was done in this time, a next call would only wait again. */
const ENOUGH_SECONDS = 60;

export interface CalibrationSettings {
  file: string;
  stateDir: string;
  config: string;
  log: string;
  device: Device;
  isIdentified: boolean;
  seconds: number;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/** Calibrates what is not calibrated yet, as far as the seconds go. @returns what to say of it */
export async function calibrateOnce(settings: CalibrationSettings): Promise<string> {
  const before = readJson(settings.file, keptSchema);
  if (before && before.state !== "part") return `calibration: ${textOf(before)}`;
  if (settings.seconds === 0) return "calibration: not asked for";
  const known = new Set([
    ...(before?.calibrations ?? []).map(({ kernel }) => kernel),
    ...(before?.left ?? []),
  ]);
  const missing = KERNELS.map(({ name }) => name).filter((name) => !known.has(name));
  const now = await calibrate(settings, missing);
  if (settings.signal.aborted && now.calibrations.length === 0) return "calibration: stopped";
  const all: Kept = {
    ...now,
    calibrations: [...(before?.calibrations ?? []), ...now.calibrations],
    left: [...(before?.left ?? []), ...now.left],
  };
  writeJson(settings.file, all);
  return `calibration: ${textOf(all)}`;
}

function textOf({ state, reason, calibrations }: Kept): string {
  const count = `${calibrations.length} of ${KERNELS.length} kernels`;
  if (state === "whole") return count;
  const why = reason === undefined ? "" : `: ${reason}`;
  return state === "part" ? `${count}, the next call goes on${why}` : `none${why}`;
}

async function calibrate(settings: CalibrationSettings, kernels: readonly string[]): Promise<Kept> {
  const { stateDir, config, log, device, seconds, env, signal } = settings;
  const child = new Child({
    command: assayCommand(
      "calibrate",
      `--gpu=${device.index}`,
      "--json",
      `--seconds=${ROUND_SECONDS}`,
      `--wait=${WAIT}`,
      `--kernels=${kernels.join(",")}`,
      `--state-dir=${stateDir}`,
      `--config=${config}`,
    ),
    log,
    env,
    wholeOutput: true,
  });
  const untilMs = performance.now() + seconds * 1000;
  while (!child.hasEnded && performance.now() < untilMs && !signal.aborted)
    await child.change(untilMs - performance.now(), signal);
  const isCut = !child.hasEnded;
  await child.end(END_MS);
  return kept(child, isCut, settings);
}

function kept(child: Child, isCut: boolean, settings: CalibrationSettings): Kept {
  const told = toldOf(child.output);
  const calibrations = (told?.calibrations ?? []).map((each) =>
    settings.isIdentified ? each : { ...each, gpuUuid: hashedUuid(each.gpuUuid) },
  );
  const leftOut = [...(told?.lacking ?? []), ...(told?.failed ?? [])].map(({ kernel }) => kernel);
  const all = { version: 1 as const, calibrations, left: leftOut };
  if (child.exit === "exit 0" && told) return { ...all, state: "whole" };
  const reason = isCut ? "its time was up" : errorIn(child);
  const isWorthMore = calibrations.length > 0 || (isCut && settings.seconds < ENOUGH_SECONDS);
  return { ...all, state: isWorthMore ? "part" : "none", reason };
}

function toldOf(output: string): z.infer<typeof toldSchema> | undefined {
  try {
    return toldSchema.safeParse(JSON.parse(output)).data;
  } catch {
    return undefined;
  }
}

/** Its own word on why it could not: the line that names the error's code. */
function errorIn(child: Child): string {
  return /^error (.*)$/m.exec(child.said)?.[1] ?? `${child.exit}: ${child.tail()}`;
}
