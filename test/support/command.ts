import { z } from "zod";
import type { runProgram as RunProgram } from "../../src/cli/program.ts";
import { builtUrl } from "./built.ts";

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

const built = z.object({
  runProgram: z.custom<typeof RunProgram>((value) => typeof value === "function"),
});

/** Runs one command of the built program in this process, at a time of the test's own. */
export async function runCommand(args: readonly string[], nowMs: number = 1e9): Promise<Ran> {
  const { runProgram } = built.parse(await import(builtUrl("cli/program.js").href));
  let [stdout, stderr] = ["", ""];
  const code = await runProgram(["node", "assay", ...args], {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    env: {},
    signal: new AbortController().signal,
    nowMs: () => nowMs,
  });
  return { code, stdout, stderr };
}
