import { DECIDABLE_LABELS } from "../../src/model/label.ts";
import type { ClassFacts, DataFacts } from "./facts.ts";
import type { SetResult } from "./result.ts";

/** What a scoring must not be read for, each sentence from counts of the data itself. */
export function limitsOf({ data, kind, families }: SetResult): string[] {
  const argued = data.classes.filter(({ label }) =>
    DECIDABLE_LABELS.some((each) => each === label),
  );
  return [
    `${data.runs} runs of ${data.families} families are ${data.families} observations rather than ${data.runs}, and no number of GPU-seconds makes them more.`,
    ...argued.flatMap((each) => classLimit(each)),
    ...copies(data),
    ...missing(data),
    ...(data.devices.length === 1
      ? ["All of it ran on one device model: nothing is known of another."]
      : []),
    ...(data.mixedSeconds === 0
      ? ["No two kinds of work shared a device, so nothing is known of mixtures."]
      : []),
    ...(families.some(({ seen }) => seen)
      ? [
          "A marked family is one the model was fitted on, of other recordings: its figure flatters.",
        ]
      : []),
    kind === "own"
      ? "The workloads were made for these recordings by those who made the model: other people's work differs."
      : "Each was recorded by other people with tools of their own: what is measured at all differs between sources and nearly tells the label.",
    "A window at a change from idle to work holds both: much of the error between `idle` and the rest is that.",
  ];
}

function classLimit({ label, seconds, families, devices }: ClassFacts): string[] {
  if (seconds === 0)
    return [
      label === "mining-like"
        ? "There is no mining in it, disguised or not: it says nothing about miners found, only about work that is falsely called so."
        : `There is no \`${label}\` in it.`,
    ];
  const few = [families === 1 && "one family of work", devices === 1 && "one device model"];
  const named = few.filter((each) => each !== false).join(" on ");
  return named === "" ? [] : [`\`${label}\` is ${named} only.`];
}

function copies({ copiedRuns, copiedDevices }: DataFacts): string[] {
  if (copiedRuns === 0) return [];
  return [
    `${copiedRuns} runs are of several devices that did the same work side by side (${copiedDevices} devices): those of one run are nearly one observation.`,
  ];
}

function missing({ runs, withCounters, withProcesses, withLaunches }: DataFacts): string[] {
  const told = (count: number, what: string): string[] =>
    count < runs
      ? [`${count === 0 ? "No run has" : `Only ${count} of ${runs} runs have`} ${what}.`]
      : [];
  return [
    ...told(withCounters, "profiling counters"),
    ...told(withProcesses, "process lists, so evidence of the host is hardly tried"),
    ...told(withLaunches, "kernel launches"),
    "Every device is read as one that was never calibrated, and no probes ran.",
  ];
}
