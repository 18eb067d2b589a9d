import { parseDuration } from "../../model/duration.ts";
import { AssayError } from "../../model/errors.ts";
import type { GpuInfo } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import { chooseKernels } from "../choose-kernels.ts";
import { secondsOf } from "../seconds.ts";
import { KERNELS } from "../../probe/kernels/all.ts";
import type { Kernel } from "../../probe/kernels/kernel.ts";

/** As they come from the command line. */
export interface CalibrateArguments {
  config?: string;
  stateDir?: string;
  gpu?: string;
  kernels?: string;
  seconds: string;
  wait: string;
  svg?: string;
  force?: boolean;
  allowSoftware?: boolean;
  json?: boolean;
}

export interface Choice {
  kernels: readonly Kernel[];
  seconds: number;
  waitSeconds: number;
  gpuUuid: string | undefined;
  allowSoftware: boolean;
}

/** What was asked for. @throws AssayError `cli/usage`, `collect/no-gpu` */
export function choose(options: CalibrateArguments, gpus: readonly GpuInfo[]): Choice {
  return {
    kernels: chooseKernels(options.kernels, KERNELS),
    seconds: secondsOf(options.seconds),
    waitSeconds: waitOf(options.wait),
    gpuUuid: options.gpu === undefined ? onlyGpu(options, gpus) : gpuNamed(options.gpu, gpus).uuid,
    allowSoftware: options.allowSoftware ?? false,
  };
}

function waitOf(text: string): number {
  const ms = text.trim() === "0" ? 0 : parseDuration(text);
  if (ms !== undefined) return ms / 1000;
  throw new AssayError("cli/usage", `"${text}" is no duration`, {
    place: "--wait",
    hint: "a number with a unit, such as 30s or 5m; 0 refuses a busy GPU at once",
  });
}

/** The one GPU there is can be waited for before anything is opened on it. */
function onlyGpu(
  { allowSoftware }: CalibrateArguments,
  gpus: readonly GpuInfo[],
): string | undefined {
  return gpus.length === 1 && !allowSoftware ? gpus[0]?.uuid : undefined;
}

function gpuNamed(text: string, gpus: readonly GpuInfo[]): GpuInfo {
  const found = gpus.find(({ index, uuid }) => text === String(index) || text === uuid);
  if (found) return found;
  const known = gpus.map(
    ({ index, uuid, model }) => `${index} (${sanitize(uuid, 64)}, ${sanitize(model, 40)})`,
  );
  throw new AssayError("collect/no-gpu", `no collector knows a GPU "${text}"`, {
    place: "--gpu",
    hint: known.length > 0 ? `there are ${known.join("; ")}` : "`assay doctor` says what is here",
  });
}
