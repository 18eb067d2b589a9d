/**
 * Scores labels against the truth lines of recordings, in GPU-seconds, and writes docs/accuracy.md.
 * `bench/recordings` is always scored where it holds any; directories given are other people's.
 * Usage: npm run accuracy -- [DIRECTORY ...] [--without FEATURE|GROUP,...] [--no-write] [--json]
 */
import { fileURLToPath } from "node:url";
import { AssayError } from "../../src/model/errors.ts";
import { loadShippedData } from "../../src/config/data.ts";
import { fitModel } from "../fit/fit.ts";
import { accuracy } from "./command.ts";
import { accuracyOptions, USAGE } from "./options.ts";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What folds of the project's own recordings are fitted from: the model without what it was fitted on. */
const { fitted: _, ...base } = loadShippedData().model;

const args = process.argv.slice(2);
try {
  if (args.includes("--help")) process.stdout.write(`usage: ${USAGE}\n`);
  else
    process.exitCode = await accuracy(accuracyOptions(args), {
      ownDirectory: at("../recordings"),
      page: at("../../docs/accuracy.md"),
      log: at("log.json"),
      fitter: { fit: (windows, from) => fitModel(windows, from), base },
      date: new Date().toISOString().slice(0, 10),
      stdout: (text) => void process.stdout.write(text),
      stderr: (text) => void process.stderr.write(text),
    });
} catch (error) {
  if (!(error instanceof AssayError)) throw error;
  process.stderr.write(`${error.report()}\n`);
  process.exitCode = error.exitCode;
}
