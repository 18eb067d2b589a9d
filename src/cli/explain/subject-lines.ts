import { percent } from "./own-units.ts";
import { capital } from "./plain-words.ts";
import { signed } from "./rule.ts";
import type { Subject } from "./schema.ts";
import { plainTable } from "./table.ts";

export function ruleLines({ rule }: Subject): string[] {
  return [
    "WHAT DECIDED",
    `  ${capital(rule.decided.text)}.`,
    ...rule.checks.map(
      ({ code, text, met }) => `  - ${met ? "met" : "NOT met"}: ${text} (${code})`,
    ),
    ...(rule.wouldSettle.length > 0
      ? ["  What would settle it:", ...bullets(rule.wouldSettle)]
      : []),
  ];
}

export function hostLines({ host, best, sum }: Subject): string[] {
  const without = sum?.whole?.withoutSigns;
  const lines = host.flatMap((finding) => {
    const { pid, text, signs } = finding;
    const counts = countsText(finding);
    if (signs.length === 0) return [`  ${text}`, `  ${counts}`];
    return [
      `  Process ${pid ?? "?"}: ${counts}.`,
      ...signs.map((sign) => `  - ${sign.kind} "${sign.text}": ${sign.meaning}`),
    ];
  });
  if (!without || !best || host.every((finding) => !finding.confirmed)) return lines;
  return [...lines, `  Without them ${best} would have ${percent(without[best])}.`];
}

/** Proven on another process of the same owner already: copies are no new evidence. */
const PROVEN: ReadonlySet<string> = new Set(["minerProcess", "poolConnection"]);

function countsText({ confirmed, feature, weights }: Subject["host"][number]): string {
  const weight = signed(weights["mining-like"] ?? 0);
  if (confirmed && feature === "poolConnection")
    return `two or more independent signs on one connection: they add ${weight} to mining-like`;
  if (confirmed)
    return `two or more independent signs on one process: they add ${weight} to mining-like`;
  return PROVEN.has(feature)
    ? "independent signs as on another one of the same owner: they count once, and add nothing more"
    : "a single sign, which also occurs by chance: it is shown and adds nothing";
}

export function declaredLines({ declared }: Subject): string[] {
  if (declared.length === 0) return [];
  return [
    ...declared.map(({ text, weights }) => {
      const added = Object.entries(weights).map(
        ([label, weight]) => `${signed(weight)} to ${label}`,
      );
      return `  - ${text}${added.length > 0 ? ` (${added.join(", ")})` : ""}`;
    }),
    "  Words are cheap: they weigh little, never for an accusation, and only so far against one.",
  ];
}

export function sumNotes({ sum, label, confidence, best }: Subject): string[] {
  if (!sum || !best) return [];
  const { whole } = sum;
  if (!whole)
    return [
      "  The slice was made by another model: where its labels start from and its temperature are not known here, so the sum ends before the probability.",
    ];
  if (whole.agrees) return [];
  return [
    `  These parts give ${best} ${percent(whole.probabilities[best])}, and ${percent(confidence)} was recorded with the label ${label}: what lies between them, such as windows before and after, is not kept.`,
  ];
}

export function referenceLines({ references }: Subject, width: number): string[] {
  if (!references || references.length === 0) return [];
  const columns = [
    { head: "kernel" },
    { head: "family", width: 8 },
    { head: "distance", width: 9, isNumber: true },
    { head: "over", width: 14, isNumber: true },
  ];
  return [
    "  0 is equal by every measure, 1 as far apart as rest and full load.",
    ...plainTable(
      columns,
      references.map(({ kernel, family, distance, quantities }) => [
        kernel,
        family,
        distance.toFixed(2),
        `${quantities} quantities`,
      ]),
      { width: Math.min(width, 72) },
    ),
  ];
}

export function bullets(texts: readonly string[]): string[] {
  return texts.map((text) => `  - ${text}`);
}
