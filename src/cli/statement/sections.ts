import { formatInstant } from "../../bill/instant.ts";
import { type Amounts, type ReportLine, measuredEnergyMj } from "../../bill/report-types.ts";
import type { Statement } from "../../bill/statement/statement.ts";
import type { LabelStretches, Stretch } from "../../bill/statement/stretches.ts";
import { formatDuration } from "../../model/duration.ts";
import { kilowattHours } from "../../model/energy.ts";
import { formatDecimal } from "../../model/money.ts";
import { sanitize } from "../../model/text.ts";
import { spanText } from "../acts/correction.ts";
import { BASIS_TEXT, NOT_PROVEN } from "../explain/plain-words.ts";

/** A part of a statement, whatever it is printed as. */
export interface Section {
  title: string;
  table?: { head: readonly string[]; rows: readonly (readonly string[])[] } | undefined;
  /** An item a line; what is two spaces further in belongs to the one before. */
  lines?: readonly string[] | undefined;
}

const MAX_REASONS = 5;
const HIDDEN = "(it names somebody else and is not shown)";

/** A statement in the order in which its owner will read it. */
export function sectionsOf(statement: Statement): Section[] {
  const all: Section[] = [
    headSection(statement),
    linesSection(statement),
    daysSection(statement),
    ...statement.labels.map((each) => labelSection(each, statement)),
    identitySection(statement),
    processSection(statement),
    disputeSection(statement),
    footSection(statement),
  ];
  return all.filter(({ table, lines }) => (table?.rows.length ?? 0) + (lines?.length ?? 0) > 0);
}

function headSection({ ownerKey, report }: Statement): Section {
  const { window, simulated, nodes, generatedAtMs, priceList } = report;
  const nodeNames = nodes.map((node) => sanitize(node, 60)).join(", ");
  return {
    title: `Statement for ${sanitize(ownerKey, 200)}`,
    lines: [
      ...(simulated ? ["SIMULATED: these figures come from no real device."] : []),
      `Window: ${spanText(window)}; node ${nodeNames}`,
      `Made ${formatInstant(generatedAtMs)}${priceList === undefined ? "; without prices" : `; prices ${sanitize(priceList, 120)}`}`,
    ],
  };
}

function linesSection({ lines, totals, report }: Statement): Section {
  const { currency } = report;
  const row = (charge: string, label: string, of: Amounts): string[] => [
    charge,
    label,
    formatDuration(of.gpuMs),
    (of.gpuMs / 3_600_000).toFixed(3),
    energyText(of),
    ...(currency === undefined ? [] : [costText(of)]),
  ];
  return {
    title: "What you had",
    table: {
      head: [
        "charge",
        "label",
        "GPU time",
        "GPU-hours",
        "kWh",
        ...(currency === undefined ? [] : [sanitize(currency, 10)]),
      ],
      rows: [
        ...lines.map((line) => row(line.charge, labelOf(line), line)),
        row("used", "all", totals.used),
        row("held", "all", totals.held),
        row("all", "all", totals.all),
      ],
    },
  };
}

const labelOf = ({ group }: ReportLine): string => sanitize(group.label ?? "", 30);

function energyText(of: Amounts): string {
  const energyMj = measuredEnergyMj(of);
  return energyMj === undefined ? "not measured" : kilowattHours(energyMj).toFixed(3);
}

/** To the billionth: it is what the report says, to the last unit. */
function costText({ cost }: Amounts): string {
  return formatDecimal(cost?.totalNanos ?? 0n, 9);
}

function daysSection({ days }: Statement): Section {
  const rows = days.map(({ fromMs, charge, label, gpuMs, energyMj }) => [
    formatInstant(fromMs).slice(0, 10),
    charge,
    label,
    formatDuration(gpuMs),
    energyMj > 0 ? kilowattHours(energyMj).toFixed(3) : "-",
  ]);
  return {
    title: "Day by day (UTC)",
    table: { head: ["day", "charge", "label", "GPU time", "kWh"], rows },
  };
}

function labelSection(of: LabelStretches, statement: Statement): Section {
  const mean =
    of.meanConfidence === undefined ? "" : `, ${of.meanConfidence.toFixed(2)} on average`;
  const models = of.modelVersions.map((each) => sanitize(each, 40)).join(", ");
  return {
    title: `Why ${of.label}`,
    lines: [
      `${formatDuration(of.timeMs)} in ${of.slices} slices; confidence ${of.leastConfidence.toFixed(2)} at least${mean}; labelled by ${models}`,
      ...of.longest.flatMap((each) => stretchLines("Longest", each, statement)),
      ...of.leastCertain.flatMap((each) => stretchLines("Least certain", each, statement)),
      ...NOT_PROVEN[of.label],
    ],
  };
}

function stretchLines(why: string, of: Stretch, { gpus }: Statement): string[] {
  const gpu = gpus.find(({ uuid }) => uuid === of.gpuUuid);
  const name = gpu ? `GPU ${gpu.index}` : `GPU ${sanitize(of.gpuUuid, 60)}`;
  const shown = of.evidence.slice(0, MAX_REASONS).map(({ text }) => `  ${sanitize(text, 400)}`);
  const more = of.evidence.length - shown.length;
  return [
    `${why}: ${name}, ${spanText(of)}, ${formatDuration(of.timeMs)}, confidence ${of.leastConfidence.toFixed(2)}; ${BASIS_TEXT[of.basis]}`,
    ...(of.corrected
      ? [`  corrected by ${sanitize(of.corrected.act, 60)}: written was ${of.corrected.label}`]
      : []),
    ...shown,
    ...(more > 0 ? [`  and ${more} reasons that weigh less`] : []),
  ];
}

function identitySection({ owner }: Statement): Section {
  const title = "How it is known that it was you";
  if (!owner) return { title, lines: ["Nothing is kept of it."] };
  const facts = (of: object): string =>
    Object.entries(of)
      .map(([name, value]) => `${name} ${sanitize(String(value), 120)}`)
      .join(", ");
  const [proven, declared] = [facts(owner.proven), facts(owner.declared)];
  return {
    title,
    lines: [
      `Rule ${sanitize(owner.rule, 60)}: ${sanitize(owner.reason, 400)}`,
      ...(proven === "" ? [] : [`Proven: ${proven}`]),
      ...(declared === "" ? [] : [`Declared, which anybody could write: ${declared}`]),
      ...owner.conflicts.map((each) => `But: ${sanitize(each, 400)}`),
    ],
  };
}

function processSection({ processes, moreProcesses }: Statement): Section {
  const rows = processes.map(({ pid, firstSeenMs, comm, command }) => [
    String(pid),
    formatInstant(firstSeenMs),
    sanitize(comm ?? "-", 40),
    sanitize(command ?? "-", 160),
  ]);
  return {
    title: "Processes of yours that were seen",
    table: { head: ["pid", "first seen", "name", "command"], rows },
    lines: moreProcesses ? ["There are more; these are the newest."] : undefined,
  };
}

function disputeSection({ disputes, corrections }: Statement): Section {
  return {
    title: "Disputes and corrections",
    lines: [
      ...disputes.map(
        ({ id, atMs, by, state, text, window }) =>
          `${formatInstant(atMs)}  ${id} ${state}, by ${sanitize(by, 100)}, ${spanText(window)}: ${sanitize(text ?? HIDDEN, 400)}`,
      ),
      ...corrections.map(
        ({ id, atMs, by, label, text, window }) =>
          `${formatInstant(atMs)}  ${id}, by ${sanitize(by, 100)}, ${spanText(window)}${label === undefined ? "" : `, label ${label}`}: ${sanitize(text ?? HIDDEN, 400)}`,
      ),
    ],
  };
}

function footSection({ report, keptBack }: Statement): Section {
  const { coverage } = report;
  return {
    title: "How far it goes",
    lines: [
      "These are your lines of the full report by owner and label, to the last unit. Held is time in which a GPU did nothing while you kept it from others.",
      ...(coverage === undefined
        ? []
        : [`${(100 * coverage).toFixed(2)} % of the window's GPU time was observed.`]),
      ...(keptBack > 0 ? [`${keptBack} texts name somebody else and are not shown.`] : []),
      "What is wrong can be disputed: assay dispute open.",
    ],
  };
}
