/**
 * Scores labels against the truth lines of recordings, in GPU-seconds, and writes docs/accuracy.md.
 * `bench/recordings` is always scored where it holds any; directories given are other people's.
 * Usage: npm run accuracy -- [DIRECTORY ...] [--without FEATURE|GROUP,...] [--no-write] [--json]
 */
import { fileURLToPath } from "node:url";
import { AssayError } from "../../src/model/errors.ts";
import { accuracy } from "./command.ts";
import { accuracyOptions } from "./options.ts";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

try {
  process.exitCode = await accuracy(accuracyOptions(process.argv.slice(2)), {
    ownDirectory: at("../recordings"),
    page: at("../../docs/accuracy.md"),
    log: at("log.json"),
    date: new Date().toISOString().slice(0, 10),
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
  });
} catch (error) {
  if (!(error instanceof AssayError)) throw error;
  process.stderr.write(`${error.report()}\n`);
  process.exitCode = error.exitCode;
}
