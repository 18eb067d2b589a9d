import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";

export interface LedgerResult {
  slices: number;
  appendSlicesPerSecond: number;
  databaseMb: number;
  /** Median of five, each in a fresh process, files in the page cache. */
  reportSeconds: number;
  /** Peak resident memory of the process that reports. */
  reportResidentMb: number;
  plainSeconds: number;
  lines: number;
}

const MAIN = fileURLToPath(new URL("child.ts", import.meta.url));
const ROUNDS = 5;
const run = promisify(execFile);

const filled = z.object({ slices: z.number(), appendSeconds: z.number() });
const reported = z.object({
  reportSeconds: z.number(),
  residentMb: z.number(),
  lines: z.number(),
});
const plain = z.object({ plainSeconds: z.number() });

/** A ledger of so many slices, through the real append path, and a report of its (first) month. */
export async function measureLedger(slices: number): Promise<LedgerResult> {
  const stateDir = mkdtempSync(join(tmpdir(), "assay-bench-ledger-"));
  try {
    const made = filled.parse(await child("fill", stateDir, String(slices)));
    const reports = [];
    const plains = [];
    for (let i = 0; i < ROUNDS; i++) {
      reports.push(reported.parse(await child("report", stateDir)));
      plains.push(plain.parse(await child("plain", stateDir)).plainSeconds);
    }
    return {
      slices: made.slices,
      appendSlicesPerSecond: made.slices / made.appendSeconds,
      databaseMb: statSync(join(stateDir, "ledger.sqlite")).size / 1e6,
      reportSeconds: median(reports.map((each) => each.reportSeconds)),
      reportResidentMb: Math.max(...reports.map((each) => each.residentMb)),
      plainSeconds: median(plains),
      lines: reports[0]?.lines ?? 0,
    };
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** Run by the same loader as this process. */
async function child(...args: string[]): Promise<unknown> {
  const { stdout } = await run(process.execPath, [...process.execArgv, MAIN, ...args]);
  return JSON.parse(stdout);
}

function median(of: readonly number[]): number {
  return [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? 0;
}

export function ledgerText(results: readonly LedgerResult[]): string {
  const lines = results.map(
    (each) =>
      `${each.slices} slices: ${Math.round(each.appendSlicesPerSecond)} appended a second; ` +
      `${each.databaseMb.toFixed(0)} MB; a month's report (${each.lines} lines) in ` +
      `${each.reportSeconds.toFixed(3)} s with ${each.reportResidentMb.toFixed(0)} MB resident; ` +
      `plain GROUP BY ${each.plainSeconds.toFixed(3)} s, ` +
      `${(each.plainSeconds / each.reportSeconds).toFixed(1)} times as long`,
  );
  return `\nLedger\n${lines.join("\n")}\n`;
}
