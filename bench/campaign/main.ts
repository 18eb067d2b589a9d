/**
 * Records workloads whose kind is known on one GPU, in order of worth. docs/campaign.md.
 * Usage: npm run campaign -- --minutes 9 --out OUT
 */
import { AssayError } from "../../src/model/errors.ts";
import { runCampaign } from "./campaign.ts";
import { choose, readCatalogue } from "./catalogue.ts";
import { tellEnd } from "./ending.ts";
import { Failed, messageOf, UsageError } from "./faults.ts";
import { OutFolder } from "./folder.ts";
import { startGuard } from "./guard.ts";
import { listing } from "./listing.ts";
import { type Options, parseOptions } from "./options.ts";

const print = (text: string): void => void process.stdout.write(text);
// A terminal that is gone must not end the recording that is being made.
process.stdout.on("error", () => undefined);

try {
  const options = parseOptions(process.argv.slice(2), print);
  if (options) process.exitCode = await main(options);
} catch (error) {
  process.exitCode = told(error);
}

/** @returns the exit code of an error that was printed; any other is thrown on */
function told(error: unknown): number {
  if (error instanceof AssayError) {
    process.stderr.write(`${error.report()}\n`);
    return error.exitCode;
  }
  if (!(error instanceof UsageError) && !(error instanceof Failed)) throw error;
  process.stderr.write(`${messageOf(error)}\n`);
  return error instanceof UsageError ? 2 : 1;
}

/** @returns the exit code */
async function main(options: Options): Promise<number> {
  const catalogue = readCatalogue(options.workloads);
  const chosen = choose(catalogue, options);
  if (options.list) {
    print(listing(chosen, options.seconds, options.gap));
    return 0;
  }
  const folder = new OutFolder(options.out, options.identify);
  const guard = startGuard();
  try {
    const signal = stopSignal();
    const { device, failures } = await runCampaign(folder, {
      options,
      chosen,
      guard,
      signal,
      print,
    });
    await tellEnd(folder, { options, catalogue, device, failures, print });
    return failures.size === 0 ? 0 : 1;
  } finally {
    guard.close();
    folder.release();
  }
}

/** Asked to end, it throws away what it is at, and tells what is there. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      if (!stopping.signal.aborted) print(`${signal}: stopping\n`);
      stopping.abort();
    });
  return stopping.signal;
}
