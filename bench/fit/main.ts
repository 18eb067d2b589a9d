/**
 * Fits the evidence model to the project's own recordings and says what it is worth on workload
 * families that were left out. `docs/model.md` has the method.
 * Usage: npm run fit -- [DIRECTORY=bench/recordings] [--out FILE] [--check]
 */
import type { EvidenceModel } from "../../src/classify/evidence-model.ts";
import { AssayError } from "../../src/model/errors.ts";
import type { Piece } from "../accuracy/overlay.ts";
import { leaveOneFamilyOut, leftOutFigures, piecesOf } from "./evaluate.ts";
import { fitModel } from "./fit.ts";
import {
  readBase,
  refusePlace,
  requireSame,
  SHIPPED_MODEL,
  versioned,
  writeModel,
} from "./model-file.ts";
import { type FitArguments, fitArguments, USAGE } from "./options.ts";
import { fitLabel } from "./rows.ts";
import { figuresText } from "./print.ts";
import { gather, OWN_RECORDINGS, type Sources } from "./sources.ts";

const FOREIGN = "Fitted with leave to use recordings from elsewhere: scores on those say nothing.";

const say = (text: string): void => void process.stderr.write(`${text}\n`);

try {
  const args = process.argv.slice(2);
  if (args.includes("--help")) process.stdout.write(`usage: ${USAGE}\n`);
  else await main(fitArguments(args));
} catch (error) {
  if (!(error instanceof AssayError)) throw error;
  say(error.report());
  process.exitCode = error.exitCode;
}

async function main(options: FitArguments): Promise<void> {
  const directory = options.directory ?? OWN_RECORDINGS;
  const baseFile = options.base ?? SHIPPED_MODEL;
  const base = readBase(baseFile);
  const sources = await gather(directory, base, options);
  for (const line of sources.skipped) say(`skipped ${line}`);
  for (const line of sources.notices) say(`note ${line}`);
  const fitted = fitModel(sources.windows, base);
  // Before the long part, so that nobody waits for a refusal.
  if (options.out !== undefined && !options.check) refusePlace(fitted, options.out, baseFile);
  const leftOut = leaveOneFamilyOut(sources.windows, base, {}, (family, place, of) =>
    say(`leaving out ${family} (${place + 1} of ${of})`),
  );
  const origin = options.foreign ? `${FOREIGN} ${fitted.origin}` : fitted.origin;
  const model = versioned({ ...fitted, origin, fitted: provenance(sources, base, leftOut) });
  print(model, sources, leftOut, piecesOf(base, sources.windows));
  if (options.out === undefined) return;
  if (options.check) requireSame(model, options.out);
  else writeModel(model, options.out, baseFile);
  say(`${options.out} ${options.check ? "is" : "holds"} ${model.version}`);
}

function provenance(
  { windows, recordings, simulated }: Sources,
  base: EvidenceModel,
  leftOut: readonly Piece[],
): NonNullable<EvidenceModel["fitted"]> {
  const seconds = windows.map((window) => {
    const label = fitLabel(window, base.activity.windowIdleBelowShare);
    return label === undefined ? 0 : (window.truthSeconds[label] ?? 0);
  });
  const gpuSeconds = Math.round(seconds.reduce((sum, own) => sum + own, 0));
  return {
    recordings: [...recordings],
    simulated,
    gpuSeconds,
    leaveOneFamilyOut: leftOutFigures(leftOut),
  };
}

function print(
  model: EvidenceModel,
  { simulated }: Sources,
  leftOut: readonly Piece[],
  physics: readonly Piece[],
): void {
  const { temperature, minSupport, minMiningConfidence } = model.decision;
  const { recordings, gpuSeconds } = model.fitted ?? { recordings: [], gpuSeconds: 0 };
  const warning = simulated ? "*** SIMULATED: this model is for tests and never ships ***\n" : "";
  process.stdout.write(
    `${warning}${model.version}: ${recordings.length} recordings, ${gpuSeconds} GPU-seconds fitted\n` +
      `${model.origin}\n` +
      `temperature ${temperature}, support ${minSupport}, bar of mining-like ${minMiningConfidence}\n` +
      `\neach family by a fit without it (telemetry alone):\n${figuresText(leftOut)}` +
      `\nthe same windows by physics alone:\n${figuresText(physics)}`,
  );
}
