import type { Command } from "commander";
import { AssayError } from "../model/errors.ts";
import { GPU_QUANTITIES, type GpuQuantity } from "../model/sample.ts";
import { renderFigure } from "../plot/figure.ts";
import { FIGURE_QUANTITIES, inspectionFigure } from "./inspect/figure.ts";
import { inspectRecording } from "./inspect/inspection.ts";
import { inspectionJson } from "./inspect/json.ts";
import { inspectionText } from "./inspect/text.ts";
import type { CommandIo } from "./io.ts";
import { pageOf } from "./page.ts";
import { reservePicture } from "./picture.ts";

const ABOUT = `Say what a recording holds: devices, time, how evenly it was sampled, what was
measured and what was not, gaps and holes, and its course in small.

Nothing is labelled, and lines of truth are only counted. --svg draws it: power
and utilisation of every GPU on one time axis, with holes left open.

  assay inspect node7.ndjson.gz
  assay inspect node7.ndjson.gz --svg node7.svg --gpu 0`;

const SPARKLINES: readonly GpuQuantity[] = ["gpuUtil", "powerWatts"];
const MIN_WIDTH = 40;

interface InspectOptions {
  json?: boolean;
  svg?: string;
  force?: boolean;
  gpu?: string;
  quantity?: string;
  width?: string;
}

export function addInspectCommand(program: Command, io: CommandIo): void {
  program
    .command("inspect")
    .summary("Say what a recording holds, and draw it")
    .description(ABOUT)
    .argument("<file>", "a recording, plain or gzip")
    .option("--json", "the summary as JSON on stdout")
    .option("--svg <file>", "draw it into a new file")
    .option("--force", "overwrite an existing --svg file")
    .option("--gpu <index>", "this device only")
    .option("--quantity <names>", "draw these: powerWatts,tempC,…")
    .option("--width <columns>", "of the terminal; 80 where there is none")
    .action(async (file: string, options: InspectOptions) => inspect(file, options, io));
}

async function inspect(file: string, options: InspectOptions, io: CommandIo): Promise<void> {
  const chosen = quantitiesOf(options.quantity);
  const gpu = indexOf(options.gpu);
  const page = pageOf(options.width, io.env, MIN_WIDTH);
  const sparklines = chosen ?? SPARKLINES;
  const figured = options.svg === undefined ? [] : (chosen ?? FIGURE_QUANTITIES);
  const charted = new Set([...sparklines, ...figured]);
  const inspection = await inspectRecording(file, { charted, gpu, signal: io.signal });
  if (io.signal.aborted) {
    io.stderr("stopped: nothing is said of a recording that was not read to its end\n");
    return;
  }
  if (options.svg !== undefined) {
    const picture = renderFigure(inspectionFigure(inspection, chosen));
    const reserved = await reservePicture(options.svg, options.force ?? false);
    await reserved.write(picture);
  }
  io.stdout(
    options.json ? inspectionJson(inspection) : inspectionText(inspection, sparklines, page),
  );
}

function quantitiesOf(text: string | undefined): GpuQuantity[] | undefined {
  if (text === undefined) return undefined;
  return text.split(",").map((each) => {
    const name = each.trim();
    const known = GPU_QUANTITIES.find((quantity) => quantity === name);
    if (known) return known;
    throw new AssayError("cli/usage", `"${name}" is no quantity`, {
      place: "--quantity",
      hint: `any of ${GPU_QUANTITIES.join(", ")}`,
    });
  });
}

function indexOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new AssayError("cli/usage", `"${text}" is no whole number from 0 on`, { place: "--gpu" });
}
