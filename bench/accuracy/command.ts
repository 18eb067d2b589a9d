import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { loadShippedData } from "../../src/config/data.ts";
import { AssayError, FAILED } from "../../src/model/errors.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import type { Fitter } from "./fitting.ts";
import { logged, readLog, writeLog } from "./log.ts";
import type { AccuracyOptions } from "./options.ts";
import { pageText, type Sections } from "./page.ts";
import type { SetKind } from "./result.ts";
import { sectionText } from "./section.ts";
import { recordingNames, recordingsIn } from "./truth.ts";

const TITLES: Record<SetKind, string> = {
  own: "Recordings of this project's own",
  foreign: "Recordings of other people",
};

export interface Surroundings {
  /** Recordings of this project's own; it may be missing or empty. */
  ownDirectory: string;
  page: string;
  log: string;
  /** YYYY-MM-DD, for the log. */
  date: string;
  stdout: (text: string) => void;
  stderr: (text: string) => void;
  /** Fits models on recordings of our own; without one they are scored as the foreign ones are. */
  fitter?: Fitter | undefined;
}

/**
 * @returns the exit code: 1 where a recording could not be read
 * @throws AssayError `cli/usage` where there is nothing to score
 */
export async function accuracy(options: AccuracyOptions, io: Surroundings): Promise<number> {
  const { model } = loadShippedData();
  const { without } = options;
  const files = filesOf(options.directories, io.ownDirectory);
  const own = await evaluate(files.own, { kind: "own", model, fitter: io.fitter, without });
  const foreign = await evaluate(files.foreign, { kind: "foreign", model, without });
  const unscored = [...own.unscored, ...foreign.unscored];
  for (const { file, why, failed } of unscored)
    io.stderr(failed ? `${why}\n` : `not scored: ${file}: ${why}\n`);
  if (!own.result && !foreign.result) throw nothingScored(unscored.length);
  io.stdout(options.json ? jsonText(own, foreign) : tablesText(own, foreign));
  const failed = unscored.filter((each) => each.failed);
  if (unscored.length > 0)
    io.stderr(
      `${unscored.length} of ${files.own.length + files.foreign.length} recordings were not scored, ${failed.length} of them because they cannot be read\n`,
    );
  if (options.write) write(own, foreign, io);
  else if (foreign.result) io.stderr("not written: this scoring is in no log\n");
  return failed.length > 0 ? FAILED : 0;
}

interface Files {
  own: string[];
  foreign: string[];
}

function filesOf(directories: readonly string[], ownDirectory: string): Files {
  const given = [...new Set(directories.map((each) => resolve(each)))];
  // Named or not, they are our own, and never scored twice.
  const others = given.filter((each) => each !== resolve(ownDirectory));
  const foreign = others.flatMap((each) => recordingsIn(each));
  const mayLack = foreign.length > 0 && given.length === others.length;
  const own = mayLack && !holdsRecordings(ownDirectory) ? [] : recordingsIn(ownDirectory);
  return { own, foreign };
}

function holdsRecordings(directory: string): boolean {
  return existsSync(directory) && recordingNames(directory).length > 0;
}

function nothingScored(files: number): AssayError {
  return new AssayError("cli/usage", `none of ${files} recordings could be scored`, {
    hint: "a recording needs truth lines about a device, and must not be simulated (docs/recording-format.md)",
  });
}

function tablesText(...evaluations: readonly Evaluation[]): string {
  return evaluations
    .flatMap(({ result }) =>
      result ? [`## ${TITLES[result.kind]}\n\n${sectionText(result)}`] : [],
    )
    .join("\n");
}

function jsonText(own: Evaluation, foreign: Evaluation): string {
  return `${JSON.stringify({ own, foreign }, null, 2)}\n`;
}

function write(own: Evaluation, foreign: Evaluation, { page, log, date }: Surroundings): void {
  const before = readLog(log);
  const after = foreign.result ? logged(before, foreign.result, date) : before;
  const sections: Sections = {};
  // What was asked for with --without is for whoever asked: the page holds the same tables always.
  for (const { result } of [own, foreign])
    if (result) sections[result.kind] = sectionText({ ...result, without: undefined });
  const old = existsSync(page) ? readFileSync(page, "utf8") : "";
  writeLog(log, after);
  writeFileSync(page, pageText(old, sections, after));
}
