import type {
  GpuPart,
  IncidentDetail,
  OwnerView,
  StateView,
  StoryView,
} from "../../alert/view/detail.ts";
import type { EvidenceView } from "../../alert/view/parts.ts";
import { EVIDENCE_FAMILIES } from "../../model/evidence.ts";
import { fit } from "../explain/table.ts";
import type { Page } from "../inspect/lines.ts";
import { causeLines } from "./cause-text.ts";
import { processLines } from "./process-text.ts";
import { clock, clockBeside, energy, gpuTime, span } from "./words.ts";

const LABEL_WIDTH = 10;
const MAX_EVIDENCE = 14;
const MAX_CAUSES = 4;
const MAX_HISTORY = 8;

/** One incident on one screen: what, when, who, how much, why it is believed, and what may explain it. */
export function showText(detail: IncidentDetail, page: Page): string {
  const { width } = page;
  const lines = [
    `${detail.id}  ${detail.severity}  ${detail.state}`,
    ...fit(detail.title, width).split("\n"),
    "",
    ...facts(detail).flatMap(([label, text]) => labelled(label, text, width)),
    ...section("GPU time", detail.gpus.map(gpuLine), width),
    ...section("Evidence", evidenceLines(detail.evidence), width),
    ...section("What may explain it (no proof; ranked)", causesText(detail), width),
    ...processSection(detail, page),
    ...section("Story", storyLines(detail.story), width),
    ...section("History", historyLines(detail.history), width),
    ...section("What to do", [detail.advice], width),
  ];
  return `${lines.join("\n")}\n`;
}

type Fact = readonly [label: string, text: string];

function facts(detail: IncidentDetail): Fact[] {
  const { startedAt, resolvedAt, firedAt, usage, families, money } = detail;
  const until = resolvedAt ?? usage?.until ?? detail.updatedAt;
  const end = resolvedAt === undefined ? "goes on" : `to ${clockBeside(resolvedAt, startedAt)}`;
  const fired = firedAt === undefined ? "" : `; alert at ${clockBeside(firedAt, startedAt)}`;
  const all: (Fact | undefined)[] = [
    ["when", `${clock(startedAt)} UTC, ${end} (${span(startedAt, until)})${fired}`],
    detail.owner === undefined ? undefined : ["owner", detail.owner],
    ...ownerFacts(detail.ownerFacts),
    usage && [
      "took",
      [
        gpuTime(usage.gpuSeconds),
        energy(usage.energyKwh),
        money && `${money.amount} ${money.currency}`,
      ]
        .filter((part) => part !== undefined)
        .join(", ") +
        (resolvedAt === undefined ? ` up to ${clockBeside(usage.until, startedAt)}` : ""),
    ],
    families.length === 0 ? undefined : ["says so", families.join(", ")],
    ["in short", detail.summary],
  ];
  return all.filter((fact) => fact !== undefined);
}

function ownerFacts(owner: OwnerView | undefined): Fact[] {
  if (!owner) return [];
  const found: Fact[] = [];
  const [proven, declared] = [pairs(owner.proven), pairs(owner.declared)];
  if (proven !== "") found.push(["proven", proven]);
  if (declared !== "") found.push(["declared", `${declared} (anybody can write that)`]);
  if (owner.reason !== undefined) found.push(["found by", `${owner.rule ?? "?"}: ${owner.reason}`]);
  for (const conflict of owner.conflicts) found.push(["but", conflict]);
  return found;
}

function pairs(of: OwnerView["proven"]): string {
  return Object.entries(of)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${value ?? ""}`)
    .join(", ");
}

function gpuLine(part: GpuPart): string {
  const name = part.index === undefined ? part.uuid : `GPU ${part.index} ${part.uuid}`;
  return (
    `${name}${part.model === undefined ? "" : ` (${part.model})`}: ${gpuTime(part.gpuSeconds)}, ` +
    `${energy(part.energyKwh)}, ${part.slices} slices from ${clock(part.from)} to ` +
    `${clockBeside(part.to, part.from)}, ${part.labels.join(", ")} up to ${part.confidence.toFixed(2)}`
  );
}

function evidenceLines(evidence: readonly EvidenceView[]): string[] {
  const shown = evidence.slice(0, MAX_EVIDENCE);
  const lines = EVIDENCE_FAMILIES.flatMap((family) =>
    shown
      .filter((item) => item.family === family)
      .map(({ weight, text }) => `${family.padEnd(LABEL_WIDTH)}${signed(weight)}  ${text}`),
  );
  const more = evidence.length - shown.length;
  return more > 0 ? [...lines, `and ${more} lighter (--json has all)`] : lines;
}

function signed(weight: number): string {
  if (weight === 0) return "    ";
  return `${weight > 0 ? "+" : "-"}${Math.abs(weight).toFixed(1)}`;
}

function causesText({ causes }: IncidentDetail): string[] {
  if (causes.length === 0) return ["nothing that was told of runs and tool calls at that time"];
  const shown = causes.slice(0, MAX_CAUSES);
  // What holds of all of them is said once.
  const [{ reasons: first } = { reasons: [] }, ...others] = shown;
  const ofAll = first.filter((reason) => others.every(({ reasons }) => reasons.includes(reason)));
  const isOwn = (reason: string): boolean => others.length === 0 || !ofAll.includes(reason);
  const lines = shown.flatMap((cause) =>
    causeLines({ ...cause, reasons: cause.reasons.filter(isOwn) }),
  );
  const more = causes.length - MAX_CAUSES;
  if (more > 0) lines.push(`and ${more} that explain it less (--json has all)`);
  return others.length > 0 && ofAll.length > 0 ? [...lines, `Of all: ${ofAll.join(" ")}`] : lines;
}

function processSection({ processes, processesLeftOut }: IncidentDetail, page: Page): string[] {
  if (processes.length === 0) return [];
  const lines = processLines(processes, page);
  const more = processesLeftOut > 0 ? [`  and ${processesLeftOut} more of this owner`] : [];
  return [
    "",
    "Processes (* named by evidence, G on a GPU)",
    ...lines.map((line) => `  ${line}`.trimEnd()),
    ...more,
  ];
}

function storyLines(story: StoryView | undefined): string[] {
  if (!story) return [];
  const { money } = story;
  return [
    `${story.id}: ${story.text}${money ? `, ${money.amount} ${money.currency}` : ""}`,
    ...story.others.map(
      ({ id, startedAt, severity, title, usage }) =>
        `${clock(startedAt)}  ${id}  ${severity}  ${title}` +
        (usage === undefined ? "" : `, ${gpuTime(usage.gpuSeconds)}`),
    ),
  ];
}

function historyLines(history: readonly StateView[]): string[] {
  const lines = history.map(({ at, state, severity }, i) => {
    const before = history[i - 1];
    const what =
      state === "resolved"
        ? "resolved"
        : before === undefined
          ? "opened"
          : before.severity === severity
            ? "updated"
            : "raised";
    return `${clock(at)}  ${what}, ${severity}`;
  });
  const left = lines.length - MAX_HISTORY;
  return left > 0 ? [...lines.slice(0, 1), `and ${left} more`, ...lines.slice(left + 1)] : lines;
}

function labelled(label: string, text: string, width: number): string[] {
  const [first = "", ...rest] = fit(text, width - LABEL_WIDTH - 2).split("\n");
  const indent = " ".repeat(LABEL_WIDTH + 2);
  return [`  ${label.padEnd(LABEL_WIDTH)}${first}`, ...rest.map((line) => indent + line)];
}

/** A heading and its lines, further in; nothing where there are none. */
function section(head: string, lines: readonly string[], width: number): string[] {
  if (lines.length === 0) return [];
  return ["", head, ...lines.flatMap((line) => hanging(line, width))];
}

/** Wrapped, the second line under the words of the first. */
function hanging(line: string, width: number): string[] {
  const indent = /^(?: *- |[a-z]+ +(?:[+-]\d+\.\d)? +| *)/.exec(line)?.[0].length ?? 0;
  const [first = "", ...rest] = wrapped(line, width - 2, indent);
  return [`  ${first}`, ...rest.map((each) => `  ${each}`)];
}

function wrapped(line: string, width: number, indent: number): string[] {
  if (line.length <= width) return [line];
  const head = line.slice(0, indent);
  const [first = "", ...rest] = fit(line.slice(indent), Math.max(width - indent, 20)).split("\n");
  return [head + first, ...rest.map((each) => " ".repeat(indent) + each)];
}
