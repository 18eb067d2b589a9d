import type { LabelStretches, Stretch } from "../../bill/statement/stretches.ts";
import { formatInstant } from "../../bill/instant.ts";
import type { KnownGpu } from "../../ledger/contract.ts";
import { formatDuration } from "../../model/duration.ts";
import { sanitize } from "../../model/text.ts";
import { BASIS_TEXT } from "../explain/plain-words.ts";
import { fit } from "../explain/table.ts";
import { spanText } from "./correction.ts";
import type { Dispute } from "./disputes.ts";

const WIDTH = 96;
const MAX_REASONS = 4;

/** Disputes, one a paragraph, in the order in which they were opened. */
export function disputeListText(disputes: readonly Dispute[]): string {
  if (disputes.length === 0) return "No dispute was opened yet.\n";
  return disputes.map((each) => `${headText(each)}\n`).join("");
}

function headText({ id, opened, newest }: Dispute): string {
  const state =
    newest.state === "open" ? "open" : `${newest.state} on ${formatInstant(newest.atMs)}`;
  return [
    `${id}  ${state}  ${sanitize(opened.ownerKey, 80)}, ${spanText(opened)}`,
    `    ${sanitize(opened.reason, 160)}`,
  ].join("\n");
}

/** One dispute: who said what when, how it ended, and the slices in question with their evidence. */
export function disputeText(
  dispute: Dispute,
  labels: readonly LabelStretches[],
  gpus: readonly KnownGpu[],
): string {
  const { opened, states, corrections } = dispute;
  const lines = [
    `${dispute.id}  ${dispute.newest.state}`,
    `  owner     ${sanitize(opened.ownerKey, 200)}`,
    `  window    ${spanText(opened)}`,
    ...(opened.gpuUuid === undefined ? [] : [`  GPU       ${gpuText(opened.gpuUuid, gpus)}`]),
    ...(opened.report === undefined ? [] : [`  report    ${sanitize(opened.report, 60)}`]),
    "",
    "What was said",
    ...states.flatMap(({ atMs, by, state, reason }) =>
      wrapped(`${formatInstant(atMs)}  ${state}, by ${sanitize(by)}: ${sanitize(reason, 800)}`),
    ),
    ...corrections.flatMap((act) =>
      wrapped(
        `${formatInstant(act.atMs)}  corrected by ${act.id}: ${spanText(act)}` +
          `${act.label === undefined ? "" : `, label ${act.label}`}` +
          `${act.newOwnerKey === undefined ? "" : `, owner ${sanitize(act.newOwnerKey, 80)}`}`,
      ),
    ),
    "",
    "What the slices say, and what they rest on",
    ...(labels.length === 0
      ? ["  nothing of this owner is in the window any more"]
      : labels.flatMap((each) => labelLines(each, gpus))),
  ];
  return `${lines.join("\n")}\n`;
}

/** A label's sums, and the stretches that tell most, each with its evidence in words. */
export function labelLines(of: LabelStretches, gpus: readonly KnownGpu[]): string[] {
  const mean =
    of.meanConfidence === undefined ? "" : `, on average ${of.meanConfidence.toFixed(2)}`;
  return [
    `  ${of.label}: ${formatDuration(of.timeMs)} in ${of.slices} slices; confidence at least ${of.leastConfidence.toFixed(2)}${mean}; labelled by ${of.modelVersions.map((each) => sanitize(each, 40)).join(", ")}`,
    ...of.longest.flatMap((each) => stretchLines("longest", each, gpus)),
    ...of.leastCertain.flatMap((each) => stretchLines("least certain", each, gpus)),
  ];
}

function stretchLines(why: string, stretch: Stretch, gpus: readonly KnownGpu[]): string[] {
  const head = `${why}: ${gpuText(stretch.gpuUuid, gpus)}, ${spanText(stretch)}, ${formatDuration(stretch.timeMs)}, confidence ${stretch.leastConfidence.toFixed(2)}; ${BASIS_TEXT[stretch.basis]}`;
  const reasons = stretch.evidence.slice(0, MAX_REASONS).map(({ text }) => sanitize(text, 400));
  const more = stretch.evidence.length - reasons.length;
  const { corrected } = stretch;
  const note =
    corrected === undefined
      ? []
      : wrapped(`corrected by ${sanitize(corrected.act, 60)}: written was ${corrected.label}`, 6);
  return [
    ...wrapped(head, 4),
    ...note,
    ...reasons.flatMap((reason) => wrapped(`- ${reason}`, 6)),
    ...(more > 0 ? [`      and ${more} reasons that weigh less`] : []),
  ];
}

function gpuText(uuid: string, gpus: readonly KnownGpu[]): string {
  const gpu = gpus.find((each) => each.uuid === uuid);
  return gpu ? `GPU ${gpu.index} (${sanitize(uuid, 60)})` : `GPU ${sanitize(uuid, 60)}`;
}

function wrapped(text: string, indent: number = 2): string[] {
  const pad = " ".repeat(indent);
  return fit(text, WIDTH - indent)
    .split("\n")
    .map((line) => pad + line);
}
