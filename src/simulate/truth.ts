import type { Label } from "../model/label.ts";
import type { Job, Scenario } from "./scenario.ts";

/** What truly ran, for evaluation only: no part of the program looks at it. */
export interface TruthLine {
  kind: "truth";
  gpu: number;
  fromMs: number;
  toMs: number;
  label: Label;
  labels?: readonly Label[] | undefined;
  workload: string;
  family: string;
  pid?: number | undefined;
}

/** A duty cycle begins to work or to pause. */
export interface PhaseLine {
  kind: "phase";
  atMs: number;
  on: boolean;
  name: string;
}

/** A line of evaluation as text, without a line end. */
export function evaluationLineOf(line: TruthLine | PhaseLine): string {
  if (line.kind === "phase") {
    const { kind, atMs, on, name } = line;
    return JSON.stringify({ kind, t: atMs / 1000, on, name });
  }
  const { kind, gpu, fromMs, toMs, ...fields } = line;
  return JSON.stringify({ kind, gpu, from: fromMs / 1000, to: toMs / 1000, ...fields });
}

/** All truths of a scenario, device by device. `atMs` is what the recording's clock shows. */
export function truthsOf(scenario: Scenario, atMs: (second: number) => number): TruthLine[] {
  return scenario.gpus.flatMap(({ index }) => deviceTruths(scenario, index, atMs));
}

function deviceTruths(
  { jobs, node }: Scenario,
  gpu: number,
  atMs: (second: number) => number,
): TruthLine[] {
  const here = jobs.filter((job) => job.gpus.includes(gpu));
  const edges = here.flatMap(({ fromSecond, worksFromSecond, worksToSecond, toSecond }) => [
    fromSecond,
    worksFromSecond,
    worksToSecond,
    toSecond,
  ]);
  const times = [...new Set([0, ...edges, node.length])].sort((a, b) => a - b);
  return times.slice(0, -1).flatMap((from, i) => {
    const to = times[i + 1] ?? node.length;
    const span = { kind: "truth" as const, gpu, fromMs: atMs(from), toMs: atMs(to) };
    return stretch(here, gpu, from).map((rest) => ({ ...span, ...rest }));
  });
}

type Stretch = Omit<TruthLine, "kind" | "gpu" | "fromMs" | "toMs">;

/** A device's line and, where processes share it, a line for each; nothing while one starts up. */
function stretch(here: readonly Job[], gpu: number, second: number): Stretch[] {
  const present = here.filter((job) => job.fromSecond <= second && second < job.toSecond);
  const started = present.filter((job) => job.worksFromSecond <= second);
  const busy = started.filter((job) => job.plan.label !== "idle" && second < job.worksToSecond);
  const [first] = busy;
  if (!first) {
    if (started.length < present.length) return [];
    const held = present.length > 0;
    return [
      {
        label: "idle",
        workload: held ? present.map(({ name }) => name).join(" + ") : "nothing",
        family: held ? "simulated-idle-memory-held" : "simulated-idle",
      },
    ];
  }
  const rogue = busy.find(({ plan }) => plan.label === "mining-like") ?? first;
  const labels = [...new Set(busy.map(({ plan }) => plan.label))];
  const variants = [...new Set(busy.map(({ plan }) => plan.variant))].sort();
  const whole: Stretch = {
    label: rogue.plan.label,
    labels: labels.length > 1 ? labels : undefined,
    workload: busy.map(({ name }) => name).join(" + "),
    family: `simulated-${variants.join("+")}`,
  };
  if (busy.length === 1) return [whole];
  return [
    whole,
    ...busy.map((job) => ({
      label: job.plan.label,
      workload: job.name,
      family: `simulated-${variants.join("+")}`,
      pid: job.pid + job.gpus.indexOf(gpu),
    })),
  ];
}
