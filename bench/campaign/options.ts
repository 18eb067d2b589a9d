import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import { z } from "zod";
import { AssayError } from "../../src/model/errors.ts";
import { sanitize } from "../../src/model/text.ts";

const fromRepository = (path: string): string =>
  fileURLToPath(new URL(`../../${path}`, import.meta.url));

const ABOUT = `Run workloads whose kind is known on one GPU, in order of worth, and record each with its truth.

Call it again with the same --out to go on with what is missing. docs/campaign.md says what the
recordings hold and how to read the table at the end.

  npm run campaign -- --list
  npm run campaign -- --minutes 9 --out /data/campaign --pack`;

export interface Options {
  minutes: number;
  out: string;
  only: string[];
  skip: string[];
  list: boolean;
  seconds: number;
  gap: number;
  patience: number;
  hz: number;
  gpu: number;
  node: string;
  profile: boolean;
  pack: boolean;
  identify: boolean;
  keep: string | undefined;
  build: string;
  library: string | undefined;
  calibrateSeconds: number;
  warmTimeout: number | undefined;
  workloads: string;
  python: string;
  nvcc: string;
  jobs: number;
}

const names = (text: string): string[] => text.split(",").filter((name) => name !== "");

const number = (least: number, most: number, kind: "int" | "any" = "any") =>
  z
    .string()
    .regex(/^\d+(\.\d+)?$/, { error: `must be a number from ${least} to ${most}` })
    .transform(Number)
    .refine((n) => n >= least && n <= most && (kind === "any" || Number.isInteger(n)), {
      error: `must be ${kind === "int" ? "a whole number" : "a number"} from ${least} to ${most}`,
    });

const path = z
  .string()
  .min(1)
  .transform((text) => resolve(text));

/** A truth of two seconds at least, its ends, and what starting and ending takes off it. */
export const MIN_SECONDS = 4;

/** Longer than a day of recordings nobody means; faster than 50 Hz the recorder does not go. */
const schema = z.object({
  minutes: number(0, 1440),
  out: path.optional(),
  only: z.string().transform(names),
  skip: z.string().transform(names),
  list: z.boolean(),
  seconds: number(MIN_SECONDS, 3600),
  gap: number(0, 600),
  patience: number(1, 600),
  hz: number(0.5, 50),
  gpu: number(0, 1e5, "int"),
  node: z.string().min(1).max(200),
  profile: z.boolean(),
  pack: z.boolean(),
  identify: z.boolean(),
  keep: path.optional(),
  build: path,
  library: path.optional(),
  calibrateSeconds: number(0, 3600),
  warmTimeout: number(1, 3600).optional(),
  workloads: path,
  python: z.string().min(1),
  nvcc: z.string().min(1),
  jobs: number(1, 64, "int"),
});

function program(print: (text: string) => void): Command {
  const jobs = Math.max(2, Math.min(6, Math.floor(availableParallelism() / 2)));
  return new Command("campaign")
    .description(ABOUT)
    .exitOverride()
    .allowExcessArguments(false)
    .configureOutput({ writeOut: print, writeErr: () => undefined })
    .option("--minutes <n>", "as far as this goes; 0 only tells what is there", "9")
    .option("--out <folder>", "where the recordings go")
    .option("--only <names>", "these, in this order, separated by commas", "")
    .option("--skip <names>", "all but these", "")
    .option("--list", "show the workloads and when each would start", false)
    .option("--seconds <n>", "measured time of each workload", "25")
    .option("--gap <n>", "idle seconds between two workloads", "4")
    .option("--patience <n>", "seconds that a workload may take to end", "12")
    .option("--hz <n>", "readings a second", "10")
    .option("--gpu <index>", "the device, as nvidia-smi counts", "0")
    .option("--node <name>", "what the recordings call this machine", "campaign")
    .option("--profile", "also trace 1.5 s of kernels of each Python workload", false)
    .option("--pack", "also write OUT/campaign.tar with everything but logs", false)
    .option("--identify", "keep uuids, users, paths and command lines", false)
    .option("--keep <folder>", "copy what is finished there, 30 MB at most in all")
    .option("--build <folder>", "compiled programs", fromRepository(".cache/workloads"))
    .option("--library <file>", "the driver's library, if not libnvidia-ml.so.1")
    .option("--calibrate-seconds <n>", "at most this for the calibration; 0 for none", "120")
    .option("--warm-timeout <n>", "how long a workload may take to be warm")
    .option("--workloads <folder>", "catalogue and programs", fromRepository("bench/workloads"))
    .option("--python <program>", "runs the Python workloads", "python3")
    .option("--nvcc <program>", "compiles the CUDA workloads", "nvcc")
    .option("--jobs <n>", "compilers at once", String(jobs));
}

/** Undefined where only help was asked for. @throws AssayError `cli/usage` saying which option is wrong */
export function parseOptions(
  args: readonly string[],
  print: (text: string) => void,
): Options | undefined {
  const command = program(print);
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    const why = error.message.replace(/^error: /, "").replaceAll(/\s+/g, " ");
    throw wrong(/--?[A-Za-z][\w-]*/.exec(why)?.[0] ?? "the command line", sanitize(why, 200));
  }
  const parsed = schema.safeParse(command.opts());
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw wrong(optionName(String(issue?.path[0])), issue?.message ?? "cannot be taken");
  }
  const { out, keep, library, warmTimeout, ...options } = parsed.data;
  if (out === undefined && !options.list)
    throw wrong("--out", "--out is needed: where to record to", "--out FOLDER, or --list");
  if (keep !== undefined && options.identify)
    throw wrong(
      "--keep",
      "--keep takes recordings for the project: they are kept without --identify",
      "leave one of the two away",
    );
  return { ...options, out: out ?? "", keep, library, warmTimeout };
}

function wrong(place: string, message: string, hint = "npm run campaign -- --help"): AssayError {
  return new AssayError("cli/usage", message, { place, hint });
}

/** `calibrateSeconds` → `--calibrate-seconds`. */
const optionName = (key: string): string =>
  `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
