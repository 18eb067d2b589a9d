import { formatDuration } from "../../model/duration.ts";
import { asciiOnly, type Page, wrapped } from "../inspect/lines.ts";
import { evidenceLines, missingLines } from "./evidence-tables.ts";
import { percent } from "./own-units.ts";
import { timeText } from "./plain-words.ts";
import { ribbonLines } from "./ribbon-lines.ts";
import type { Explanation, Subject } from "./schema.ts";
import { sumLines } from "./sum-table.ts";
import {
  bullets,
  declaredLines,
  hostLines,
  referenceLines,
  ruleLines,
  sumNotes,
} from "./subject-lines.ts";
import { plainTable } from "./table.ts";

/** An explanation for people: the short version first, the tables after. */
export function explanationText(explanation: Explanation, page: Page): string {
  const { subjects, leftOut } = explanation;
  const blocks = [
    headLines(explanation),
    ["IN SHORT", ...subjects.flatMap(inShort)],
    ["WHO HAD THE DEVICE", ...shareLines(explanation, page)],
    ...subjects.flatMap((subject) => subjectBlocks(subject, explanation, page)),
    leftOut > 0 ? [`${leftOut} more owners are not explained here: name one with --owner`] : [],
    checkLines(explanation, page),
  ];
  const text = blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join("\n")}\n`)
    .join("\n");
  const fitted = text
    .split("\n")
    .flatMap((line) => (line.endsWith("\\") ? [line] : wrapped(line, page.width)))
    .join("\n");
  return page.unicode ? fitted : asciiOnly(fitted);
}

function headLines({ window, node, gpu, source, simulated, model }: Explanation): string[] {
  const length = formatDuration(window.lengthMs);
  return [
    ...(simulated ? ["*** SIMULATED: these figures come from no real device ***"] : []),
    `window     ${window.from} to ${window.to} (UTC, ${length})`,
    `device     GPU ${gpu.index}, ${gpu.model}, ${gpu.uuid}, node ${node}`,
    `told by    the ${source.kind} ${source.path}`,
    `model      ${model.version}${model.known ? "" : ", which is not the one that this program has"}`,
  ];
}

function inShort(subject: Subject, i: number, all: readonly Subject[]): string[] {
  const lines = subject.short.map((sentence) => `  ${sentence}`);
  return i + 1 < all.length ? [...lines, ""] : lines;
}

function shareLines({ shares, device }: Explanation, { width }: Page): string[] {
  const columns = [
    { head: "owner" },
    { head: "time", width: 7, isNumber: true },
    { head: "label", width: 14 },
    { head: "sure", width: 8, isNumber: true },
    { head: "what the share rests on", width: Math.floor(width / 3) },
  ];
  const rows = shares.map(({ owner, timeMs, label, confidence, basisText }) => [
    owner,
    timeText(timeMs),
    label,
    // Of the best label, which an unknown share does not have.
    label === "unknown" ? "-" : percent(confidence),
    basisText,
  ]);
  const whole = device
    ? [
        `  The device as a whole: ${device.label}, from ${device.sampleCount} reading${device.sampleCount === 1 ? "" : "s"}.`,
      ]
    : ["  The label of the device as a whole is not kept in a ledger."];
  return [...plainTable(columns, rows, { width }), ...whole];
}

/** One verdict with everything behind it. */
function subjectBlocks(subject: Subject, { subjects }: Explanation, page: Page): string[][] {
  const { width } = page;
  const name = subject.owner ?? "the device as a whole";
  const heading = `${name}: ${subject.label}`;
  const evidence = evidenceLines(subject, width);
  const sum = sumLines(subject, width);
  const missing = missingLines(subject, width);
  const block = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [title, ...lines];
  return [
    subjects.length > 1 ? [heading, "=".repeat(Math.min(width, heading.length))] : [],
    block("TAKE IT WITH CARE", bullets(subject.caveats.map(({ text }) => text))),
    ruleLines(subject),
    block("SIGNS ON PROCESSES", hostLines(subject)),
    block("WHAT THE PROGRAMS SAY THEY ARE", declaredLines(subject)),
    block("WHAT THE DEVICE SHOWED", evidence),
    block("THE SUM", [...sum, ...sumNotes(subject)]),
    block("NOT MEASURED", missing),
    block("BESIDE THE REFERENCE KERNELS OF THIS DEVICE", referenceLines(subject, width)),
    ["BEFORE AND AFTER", ...ribbonLines(subject.neighbours), `  ${subject.smoothing}`],
    block("ALSO NOTED", bullets(subject.noted.map(({ text }) => text))),
    block("WHAT THIS DOES NOT PROVE", bullets(subject.notProven)),
  ];
}

function checkLines({ check, model, agentVersion }: Explanation, { width }: Page): string[] {
  return [
    "HOW TO CHECK IT YOURSELF",
    ...check.commands.flatMap((command) => shellLines(`  ${command}`, width)),
    `  Made by the model ${model.version} and the agent ${agentVersion}.`,
    ...bullets(check.notes),
  ];
}

/** A command that is too long goes on after a backslash, as a shell takes it. */
function shellLines(command: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const part of command.split(/ (?=--)/)) {
    if (line !== "" && line.length + part.length + 3 > width) {
      lines.push(`${line} \\`);
      line = `      ${part}`;
    } else line = line === "" ? part : `${line} ${part}`;
  }
  return [...lines, line];
}
