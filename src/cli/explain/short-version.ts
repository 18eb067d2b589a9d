import { formatInstant } from "../../bill/instant.ts";
import { windowLengthMs } from "../../model/window.ts";
import { sanitize } from "../../model/text.ts";
import type { Slice } from "../../model/slice.ts";
import { percent } from "./own-units.ts";
import { BASIS_TEXT, capital, timeText, whoText } from "./plain-words.ts";
import type { Scene } from "./scene.ts";
import type { EvidenceItem, Subject } from "./schema.ts";

type Unshortened = Omit<Subject, "short">;

/** Three sentences: whose and when, what it is called and how surely, and what decided. */
export function shortVersion(
  scene: Scene,
  subject: Unshortened,
  slice: Slice | undefined,
): string[] {
  const care = careOf(subject);
  return [
    `${whoseText(scene, slice)}.`,
    `${labelText(subject)}.`,
    `${why(subject)}${care === "" ? "" : `; ${care}`}.`,
  ];
}

function whoseText(scene: Scene, slice: Slice | undefined): string {
  const { window, slices } = scene.here;
  const when = `On ${formatInstant(window.fromMs).slice(0, 10)} from ${clock(window.fromMs)} to ${clock(window.toMs)} UTC`;
  const device = `GPU ${scene.gpu.index} (${sanitize(scene.gpu.model, 60)}) of node ${sanitize(scene.node, 60)}`;
  if (!slice)
    return `${when}, ${device} worked for ${slices.length} parties together, and this is about all of it`;
  const seconds = `${timeText(slice.timeMs)} (${percent(slice.timeMs / windowLengthMs(window))})`;
  switch (slice.owner.kind) {
    case "idle":
      return `${when}, ${device} rested for ${seconds}`;
    case "unobserved":
      return `${when}, nobody measured ${device} for ${seconds}`;
    default:
      return `${when}, ${device} worked ${seconds} for ${whoText(slice.owner)}; ${BASIS_TEXT[slice.basis]}`;
  }
}

const clock = (atMs: number): string => formatInstant(atMs).slice(11).replace("Z", "");

function labelText({ label, confidence, sum, best, runnerUp, rule }: Unshortened): string {
  const whole = sum?.whole;
  if (label === "unknown" && !best) return "It has no label (unknown)";
  if (!best) return `It is labelled ${label}, with ${percent(confidence)}`;
  const second =
    whole && runnerUp
      ? `, then comes ${runnerUp} with ${percent(whole.probabilities[runnerUp])}`
      : "";
  if (label === "unknown")
    return `It is unknown what the work was: ${best} comes first with ${percent(confidence)}${second}, which is not enough`;
  const surely = rule.checks.length > 0 ? "with a probability of" : "with";
  return `It is labelled ${label} ${surely} ${percent(confidence)}${second}`;
}

function why({ label, rule, host, evidence, best, runnerUp }: Unshortened): string {
  const confirmed =
    host.find((finding) => finding.confirmed && finding.signs.length > 0) ??
    host.find((finding) => finding.confirmed);
  const signs = confirmed?.signs.filter(({ independent }) => independent) ?? [];
  if (label === "mining-like" && confirmed && signs.length === 0)
    return `What weighs most is a connection: ${confirmed.text}${telemetryText(evidence, best, runnerUp)}`;
  if (label === "mining-like" && confirmed)
    return `What weighs most is ${signs.length} independent signs on process ${confirmed.pid ?? "?"}: ${signs.map(({ kind, text }) => `${kind} ${text}`).join(" and ")}${telemetryText(evidence, best, runnerUp)}`;
  if (label === "unknown" || !best) return capital(rule.decided.text);
  const strongest = strongestOf(evidence);
  if (!strongest) return capital(rule.decided.text);
  return `What weighs most is ${strongest.name}, ${valueText(strongest)}: ${strongest.meaning}`;
}

function telemetryText(
  evidence: Subject["evidence"],
  best: string | undefined,
  runnerUp: string | undefined,
): string {
  const items = evidence.flatMap((group) => group.items);
  if (items.length === 0 || !best || !runnerUp) return "";
  const times = items.reduce((product, item) => product * item.times, 1);
  if (times > 0.95 && times < 1.05) return ", and what the device showed does not tell";
  return times > 1
    ? ", and what the device showed agrees"
    : ", although what the device showed does not agree";
}

function strongestOf(evidence: Subject["evidence"]): EvidenceItem | undefined {
  const items = evidence.flatMap((group) => group.items);
  return items.toSorted((a, b) => b.times - a.times)[0];
}

export function valueText({ shown, ownUnits }: Pick<EvidenceItem, "shown" | "ownUnits">): string {
  return ownUnits === undefined ? shown : `${shown} (${ownUnits})`;
}

function careOf({ caveats }: Unshortened): string {
  if (caveats.length === 0) return "";
  const most = caveats.slice(0, 2).map(({ text }) => text.split(":")[0] ?? text);
  return `take it with care (${most.join("; ")})`;
}
