/** One scoring in words and tables: what is printed, and a section of the page. */
import { limitsOf } from "./limits.ts";
import type { FalseMining } from "./false-mining.ts";
import type { SetResult } from "./result.ts";
import {
  ablationTable,
  classTable,
  confusionTable,
  dataTable,
  detectionTable,
  namedTable,
  peerTable,
  reliabilityTable,
} from "./section-tables.ts";
import { percent, ratio, whole } from "./table.ts";

export function sectionText(result: SetResult): string {
  const parts = [
    headline(result),
    part("What was scored", dataTable(result)),
    part("Confusion, GPU-seconds", confusionTable(result)),
    part("Classes", classTable(result)),
    part("False accusations", falseMiningText(result.falseMining)),
    part("Time to detect", detectionText(result)),
    part("Beside other methods", peerText(result)),
    part("Each kind of evidence left out", ablationText(result)),
    part("How far to trust a confidence", reliabilityText(result)),
    part("By family of work", namedTable("family", result.families)),
    part("By run", namedTable("run", result.runs)),
    part("Single processes", processText(result)),
    part("What these recordings cannot show", list(limitsOf(result))),
  ];
  return parts.filter((text) => text !== "").join("\n");
}

const part = (title: string, text: string): string =>
  text === "" ? "" : `### ${title}\n\n${text}`;
const list = (items: readonly string[]): string => items.map((item) => `- ${item}\n`).join("");

function headline({ figures, model, scoring, data, deviceOut }: SetResult): string {
  const classes = Object.entries(figures.classes).flatMap(([label, own]) =>
    own && own.supportSeconds > 0 ? [label] : [],
  );
  return (
    `Model \`${model.version}\` (sha256 \`${model.hash}\`), ${data.runs} runs of ${data.families} families of work on ` +
    `${data.devices.join(", ")}: **${percent(figures.accuracy)}** of ${whole(figures.truthSeconds)} GPU-seconds, ` +
    `**macro-F1 ${ratio(figures.macroF1)}** over ${classes.join(", ")}, ${percent(figures.unknown)} \`unknown\`, ` +
    `${whole(figures.falseMiningSeconds)} GPU-seconds \`mining-like\` that were none. ` +
    `Mean accuracy over runs ${percent(figures.meanOverRecordings)}, over families ${percent(figures.meanOverFamilies)}; ` +
    `${percent(figures.coverage)} of the truth got a label at all.\n\n${scoringText(scoring, model.fittedOn)}\n` +
    (deviceOut
      ? `\nLeaving out each device model instead: accuracy ${percent(deviceOut.accuracy)}, macro-F1 ${ratio(deviceOut.macroF1)}, ` +
        `unknown ${percent(deviceOut.unknown)}, false mining ${whole(deviceOut.falseMiningSeconds)} GPU-seconds.\n`
      : scoring === "folds"
        ? "\nThere is one device model only, so none could be left out.\n"
        : "")
  );
}

function scoringText(scoring: SetResult["scoring"], fittedOn: number): string {
  if (scoring === "folds")
    return "Each family was labelled by a model that was fitted without any recording in which that family occurs.";
  if (fittedOn === 0)
    return "The model is fitted to nothing: leaving a family or a device out changes nothing, so leave-one-out and plain scoring are the same.";
  return `The model was fitted on ${fittedOn} recordings of this project and on none of these; a family that occurs in both is marked.`;
}

function falseMiningText(found: FalseMining | undefined): string {
  if (!found) return "";
  const of = `${whole(found.per1000Hours)} GPU-seconds in 1,000 GPU-hours of work that was no mining (${whole(found.falseSeconds)} of ${whole(found.otherSeconds)} GPU-seconds)`;
  if (found.method === "bootstrap")
    return (
      `${of}, in ${found.runsWithAny} of ${found.runs} runs; upper end of the 95 % interval ${whole(found.upperPer1000Hours)}, ` +
      "from whole runs drawn again and again.\n"
    );
  return (
    `${of}. That is not proof of none: the seconds of a run are nearly copies of each other, so these are ${found.runs} observations, or ${found.families} if runs of one family are copies, too. ` +
    `With none among ${found.runs}, up to ${percent(found.upperShareOfRuns)} of such runs may hold a false accusation (upper end of a 95 % interval; ${percent(found.upperShareOfFamilies)} of families), ` +
    `which is ${whole(found.upperPer1000Hours)} GPU-seconds in 1,000 GPU-hours if each were accused throughout. Only more runs can lower that.\n`
  );
}

function detectionText(result: SetResult): string {
  if (!result.detection)
    return "Nothing mines in these recordings, so there is no time to detect it in.\n";
  return `From the start of the mining to the first verdict that says so, in recorded time. A run that is never detected counts as later than any other.\n\n${detectionTable(result)}`;
}

function peerText(result: SetResult): string {
  return (
    "Methods of others and common rules, written anew, on the same windows and scored in the same way. Those that learn did so from the other families of these very recordings, " +
    "which favours them: this project's model was not fitted on them. What learns from a class with one family only cannot know it once that family is left out. `high and steady means mining` is a detector: it has no name for other work.\n\n" +
    peerTable(result)
  );
}

function ablationText(result: SetResult): string {
  return (
    "The same model, labelling without one group of features; a group that no run measured changes nothing and has no figures.\n\n" +
    ablationTable(result)
  );
}

function reliabilityText(result: SetResult): string {
  return (
    `Expected calibration error ${percent(result.reliability.expectedError)} over all labels but \`unknown\`, ` +
    `${percent(result.arguedError)} over those that are argued (without \`idle\`, which is measured).\n\n${reliabilityTable(result)}`
  );
}

function processText({ processes }: SetResult): string {
  if (!processes) return "";
  return (
    `${whole(processes.truthSeconds)} GPU-seconds of truth about single processes, against the label of the slice of each one's owner: ` +
    `accuracy ${percent(processes.accuracy)}, macro-F1 ${ratio(processes.macroF1)}, unknown ${percent(processes.unknown)}, ` +
    `${percent(1 - processes.coverage)} without a slice, false mining ${whole(processes.falseMiningSeconds)} GPU-seconds.\n`
  );
}
