import type { Workload } from "./catalogue.ts";

/** Start and end of the processes of one workload. */
export const PLAN_EXTRA_SECONDS = 3;

/** When each workload would start, if all were still to do. */
export function listing(chosen: readonly Workload[], seconds: number, gapSeconds: number): string {
  let at = 0;
  const rows = chosen.map(({ name, label, labels, family, scale, warmSeconds }) => {
    const start = `${(at / 60).toFixed(1)} m`.padStart(8);
    at += warmSeconds + seconds * scale + gapSeconds + PLAN_EXTRA_SECONDS;
    const run = `${(seconds * scale).toFixed(0)}s`.padStart(6);
    const what = (labels?.join(" + ") ?? label).padEnd(30);
    return `${start}${run}  ${name.padEnd(20)} ${what} ${family}\n`;
  });
  const head = `${"start".padStart(8)}${"run".padStart(6)}  ${"workload".padEnd(20)} ${"label".padEnd(30)} family\n`;
  return `${head}${rows.join("")}${chosen.length} workloads, about ${Math.ceil(at / 60)} minutes\n`;
}
