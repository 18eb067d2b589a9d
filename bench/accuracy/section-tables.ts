/** The tables of one scoring, each a piece of Markdown. */
import { LABELS } from "../../src/model/label.ts";
import { CLASSES, COLUMNS } from "./figures.ts";
import type { Delay } from "./detection.ts";
import type { Brief, NamedFigures, SetResult } from "./result.ts";
import { percent, ratio, seconds, signed, table, whole } from "./table.ts";

const OURS = "**gpu-assay**";

export function confusionTable({ figures }: SetResult): string {
  const said = COLUMNS.filter((column) => column !== "(none)" || figures.coverage < 1);
  const rows = LABELS.flatMap((truth) => {
    const row = figures.confusion[truth];
    return row ? [[truth, ...said.map((column) => whole(row[column] ?? 0))]] : [];
  });
  return table(["truth \\ said", ...said], rows);
}

export function classTable({ figures }: SetResult): string {
  const rows = CLASSES.flatMap((label) => {
    const own = figures.classes[label];
    if (!own) return [];
    const rates = [percent(own.precision), percent(own.recall), ratio(own.f1)];
    return [[label, whole(own.supportSeconds), whole(own.saidSeconds), ...rates]];
  });
  return table(["class", "truth, GPU-s", "said, GPU-s", "precision", "recall", "F1"], rows);
}

export function reliabilityTable({ reliability }: SetResult): string {
  const rows = reliability.bins
    .filter(({ seconds: own }) => own > 0)
    .map(({ from, to, seconds: own, meanConfidence, accuracy }) => [
      `${percent(from)} to ${percent(to)}`,
      whole(own),
      percent(meanConfidence),
      percent(accuracy),
    ]);
  return table(["confidence", "GPU-s", "mean confidence", "right"], rows);
}

export function namedTable(what: string, rows: readonly NamedFigures[]): string {
  return table(
    [what, "truth, GPU-s", "accuracy", "unknown", "false mining, GPU-s"],
    rows.map(({ name, seen, truthSeconds, accuracy, unknown, falseMiningSeconds }) => [
      seen ? `${name} (family fitted on)` : name,
      whole(truthSeconds),
      percent(accuracy),
      percent(unknown),
      whole(falseMiningSeconds),
    ]),
  );
}

const BRIEF = ["accuracy", "macro-F1", "unknown", "false mining, GPU-s"];

const brief = (of: Brief): string[] => [
  percent(of.accuracy),
  ratio(of.macroF1),
  percent(of.unknown),
  whole(of.falseMiningSeconds),
];

export function peerTable({ figures, peers }: SetResult): string {
  const rows = peers.map((peer) => [
    peer.fitted ? `${peer.name} (learns)` : peer.name,
    ...brief(peer),
  ]);
  return table(["method", ...BRIEF], [[OURS, ...brief(figures)], ...rows]);
}

export function ablationTable({ figures, ablation, data, without }: SetResult): string {
  const row = (name: string, measured: string, of: Brief): string[] => [
    name,
    measured,
    ...brief(of),
    signed(of.accuracy - figures.accuracy, percent),
    signed(of.macroF1 - figures.macroF1, ratio),
  ];
  const nothing = ["nothing", "", ...brief(figures), "", ""];
  const groups = ablation.map((each) =>
    each.measuredIn === 0
      ? [each.group, `0 of ${data.runs}`, "", "", "", "", "", ""]
      : row(each.group, `${each.measuredIn} of ${data.runs}`, each),
  );
  const asked = without ? [row(`asked for: ${without.features.join(", ")}`, "", without)] : [];
  const head = ["left out", "runs that measured it", ...BRIEF, "accuracy ±", "macro-F1 ±"];
  return table(head, [nothing, ...groups, ...asked]);
}

export function detectionTable({ detection, detectionByFamily }: SetResult): string {
  const row = (name: string, runs: number, of: Delay): string[] => [
    name,
    whole(runs),
    of.medianSeconds === undefined ? "never" : seconds(of.medianSeconds),
    of.worstSeconds === undefined ? "never" : seconds(of.worstSeconds),
    whole(of.never),
    whole(of.within30s),
    whole(of.within120s),
  ];
  if (!detection) return "";
  const rows = [
    row("all, provisional verdict", detection.runs, detection.provisional),
    row("all, final verdict", detection.runs, detection.final),
    ...detectionByFamily.map(({ family, figures }) =>
      row(`${family}, provisional`, figures.runs, figures.provisional),
    ),
  ];
  const head = ["mining runs", "runs", "median", "worst", "never", "within 30 s", "within 2 min"];
  return table(head, rows);
}

export function dataTable({ data }: SetResult): string {
  const rows = data.classes.map(({ label, seconds: own, runs, families, devices }) => [
    label,
    whole(own),
    ...[runs, families, devices].map(String),
  ]);
  return table(["class", "truth, GPU-s", "runs", "families", "device models"], rows);
}
