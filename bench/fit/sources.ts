/** The recordings that a fit may see: the project's own, real, with truth; everything else is refused or named. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { EvidenceModel } from "../../src/classify/evidence-model.ts";
import { AssayError } from "../../src/model/errors.ts";
import { DECIDABLE_LABELS } from "../../src/model/label.ts";
import { recordingsIn, type Truth, truthOf } from "../accuracy/truth.ts";
import { type LabelledWindow, labelledWindows } from "../labelled.ts";
import { familiesOf, rowsOf } from "./rows.ts";

export type FittedRecording = NonNullable<EvidenceModel["fitted"]>["recordings"][number];

export interface Sources {
  windows: readonly LabelledWindow[];
  recordings: readonly FittedRecording[];
  simulated: boolean;
  /** Files that take no part, each with the reason. */
  skipped: readonly string[];
  /** What a reader of the figures should know. */
  notices: readonly string[];
}

export interface Permissions {
  simulated: boolean;
  foreign: boolean;
}

/** Where the campaign puts the recordings of this project. */
export const OWN_RECORDINGS = fileURLToPath(new URL("../recordings", import.meta.url));

/** Fewer than this and leaving one out leaves none of its kind. */
const MIN_FAMILIES = 2;

/**
 * Reads every recording of a directory.
 * @param home the only directory that is fitted on without further permission
 * @throws AssayError `fit/no-recordings`, `fit/foreign`, `fit/simulated`, `fit/families`, and what reading throws
 */
export async function gather(
  directory: string,
  base: EvidenceModel,
  allowed: Permissions,
  home: string = OWN_RECORDINGS,
): Promise<Sources> {
  const files = existing(directory, home);
  if (!allowed.foreign) refuseForeign([directory, ...files], home);
  const seen = new Map<string, string>();
  const windows: LabelledWindow[] = [];
  const recordings: FittedRecording[] = [];
  const [skipped, notices, simulated]: [string[], string[], string[]] = [[], [], []];
  for (const file of files) {
    const [name, sha256] = [basename(file), sha256Of(file)];
    const twin = seen.get(sha256);
    if (twin !== undefined) {
      skipped.push(`${name}: the same bytes as ${twin}`);
      continue;
    }
    seen.set(sha256, name);
    const truths = await truthOf(file);
    const own = honest(await labelledWindows(file, { model: base }), truths);
    if (own.length === 0) {
      skipped.push(`${name}: no truth about a device's windows`);
      continue;
    }
    if (own.some(({ result }) => result.simulated)) simulated.push(name);
    if (truths.some(({ family }) => family === undefined))
      notices.push(`${name}: a truth line names no family: the recording counts as its own`);
    const families = [...new Set(own.map(({ family }) => family))].sort();
    recordings.push({ file: name, sha256, families });
    for (const window of own) windows.push(window);
  }
  if (simulated.length > 0 && !allowed.simulated) refuseSimulated(simulated);
  refuseFewFamilies(windows, base, skipped);
  return { windows, recordings, simulated: simulated.length > 0, skipped, notices };
}

/**
 * What ran at once on one device: mining beside anything is mining, and of two kinds of honest work
 * neither name is the window's, so its truth counts for none.
 */
export function honest(
  windows: readonly LabelledWindow[],
  truths: readonly Truth[],
): LabelledWindow[] {
  const mixed = truths.filter(({ labels }) => new Set(labels).size > 1);
  if (mixed.length === 0) return [...windows];
  return windows.flatMap((window) => {
    const truthSeconds = { ...window.truthSeconds };
    for (const { gpu, from, to, label, labels } of mixed) {
      const { fromMs, toMs } = window.result.window;
      const seconds = Math.min(to, toMs / 1000) - Math.max(from, fromMs / 1000);
      if (gpu !== window.result.gpu.index || seconds <= 0) continue;
      truthSeconds[label] = Math.max(0, (truthSeconds[label] ?? 0) - seconds);
      if (labels?.includes("mining-like"))
        truthSeconds["mining-like"] = (truthSeconds["mining-like"] ?? 0) + seconds;
    }
    const isKnown = Object.values(truthSeconds).some((seconds) => seconds > 0);
    return isKnown ? [{ ...window, truthSeconds }] : [];
  });
}

function existing(directory: string, home: string): string[] {
  if (existsSync(directory) && holdsRecordings(directory)) return recordingsIn(directory);
  const own = !existsSync(directory) || realpathSync(directory) === realpathIfThere(home);
  throw new AssayError(
    "fit/no-recordings",
    own
      ? "there is no recording with known truth to fit on: no model was made, and the one that ships stays set from physics"
      : "the directory holds no recording (.ndjson, .ndjson.gz): no model was made",
    { place: directory, hint: "npm run campaign makes recordings of known work on a GPU host" },
  );
}

const holdsRecordings = (directory: string): boolean =>
  statSync(directory).isDirectory() &&
  readdirSync(directory).some((name) => /\.ndjson(\.gz)?$/.test(name));

/** A link out of the directory is as foreign as what it leads to. */
function refuseForeign(paths: readonly string[], home: string): void {
  const inside = realpathIfThere(home);
  const outside = paths.find((path) => {
    const way = relative(inside, realpathSync(path));
    return way === ".." || way.startsWith(`..${sep}`);
  });
  if (outside === undefined) return;
  throw new AssayError(
    "fit/foreign",
    "these are not the project's own recordings: public ones are for measuring only, because a model that has seen them can no longer be judged by them, and whoever published them may not have allowed it",
    {
      place: outside,
      hint: "npm run accuracy measures on them; recordings that you made and have the right to use: --foreign-i-have-the-right",
    },
  );
}

function refuseSimulated(names: readonly string[]): void {
  throw new AssayError(
    "fit/simulated",
    "simulated recordings say what their author believes, not what GPUs do: no model was made",
    {
      place: names.join(", "),
      hint: "move them away; to try out the fit itself: --simulated, which marks the model so that it never ships",
    },
  );
}

function refuseFewFamilies(
  windows: readonly LabelledWindow[],
  base: EvidenceModel,
  skipped: readonly string[],
): void {
  const families = familiesOf(rowsOf(windows, base.activity.windowIdleBelowShare));
  const few = DECIDABLE_LABELS.filter(
    (label) => (families.get(label)?.length ?? 0) < MIN_FAMILIES,
  ).map((label) => `${label} has ${families.get(label)?.join(", ") ?? "none"}`);
  if (few.length === 0) return;
  const left = skipped.length > 0 ? ` (skipped: ${skipped.join("; ")})` : "";
  throw new AssayError(
    "fit/families",
    `each label needs ${MIN_FAMILIES} workload families with busy windows of one label, so that one can be left out: ${few.join("; ")}${left}`,
    { hint: "record more kinds of work: npm run campaign" },
  );
}

const sha256Of = (file: string): string =>
  createHash("sha256").update(readFileSync(file)).digest("hex");

const realpathIfThere = (path: string): string => (existsSync(path) ? realpathSync(path) : path);
