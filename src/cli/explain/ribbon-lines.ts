import { percent } from "./own-units.ts";
import type { Neighbour } from "./schema.ts";

const SIGNS: Readonly<Record<string, string>> = {
  "training-like": "T",
  "inference-like": "I",
  "mining-like": "M",
  other: "O",
  idle: ".",
  unknown: "?",
  "not-measured": "-",
  "somebody-else": "x",
};

const NAMES: Readonly<Record<string, string>> = {
  "not-measured": "not measured",
  "somebody-else": "the device worked for others alone",
};

const CELL = 5;

/** The windows before and after in one line of signs, with their probabilities and what the signs mean. */
export function ribbonLines(neighbours: readonly Neighbour[]): string[] {
  const keyOf = ({ label, absent }: Neighbour): string => label ?? absent ?? "not-measured";
  const signs = neighbours.map((each) => {
    const sign = SIGNS[keyOf(each)] ?? "?";
    return cell(each.offset === 0 ? `[${sign}]` : ` ${sign} `);
  });
  const shares = neighbours.map(({ confidence, label }) =>
    cell(confidence === undefined || label === "idle" ? "" : short(confidence)),
  );
  const first = neighbours[0]?.from ?? "";
  const last = neighbours.at(-1)?.from ?? "";
  const width = neighbours.length * CELL;
  const ends = `${clock(first)}${clock(last).padStart(width - 8)}`;
  const used = new Set(neighbours.map(keyOf));
  const legend = Object.entries(SIGNS)
    .filter(([key]) => used.has(key))
    .map(([key, sign]) => `${sign} ${NAMES[key] ?? key}`);
  return [
    `  ${ends}`,
    `  ${signs.join("")}`.trimEnd(),
    ...(shares.some((text) => text.trim() !== "") ? [`  ${shares.join("")}`.trimEnd()] : []),
    `  ${legend.join(", ")}; in [brackets] the window of this page, below each sign the probability of its best label`,
  ];
}

const cell = (text: string): string => text.padStart((CELL + text.length) >> 1).padEnd(CELL);
const clock = (instant: string): string => instant.slice(11, 19);

/** `74%`, in five columns. */
function short(ratio: number): string {
  return percent(ratio)
    .replace(/\.\d+/, (digits) => (ratio > 0.99 || ratio < 0.01 ? digits : ""))
    .replaceAll(" ", "")
    .replace(">99.9%", ">99%")
    .replace("<0.1%", "<1%");
}
