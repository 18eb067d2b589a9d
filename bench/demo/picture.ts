/**
 * Draws docs/demo.svg: what `npm start` prints on a machine without a GPU, shortened. Every line is
 * taken from a real run of the built program; only the choice of lines is made here.
 * Usage: npm run build && npx tsx bench/demo/picture.ts
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COLUMNS = 150;
const FONT_PX = 13;
const LINE_PX = 18;
const CHAR_PX = 7.85;
const PADDING_PX = 16;

const COLOURS: readonly [RegExp, string][] = [
  [/^>>|ALERT/, "#ff7b72"],
  [/ mining-like /, "#ff7b72"],
  [/ training-like /, "#7ee787"],
  [/ inference-like /, "#79c0ff"],
  [/ other /, "#d2a8ff"],
  [/ idle | unobserved | gap /, "#8b949e"],
  [/SIMULATED/, "#e3b341"],
  [/^\$/, "#ffffff"],
];

const run = spawnSync(
  process.execPath,
  ["dist/main.js", "run", "--speed", "max", "--listen", "127.0.0.1:0"],
  {
    cwd: ROOT,
    encoding: "utf8",
  },
);
const said = run.stderr.split("\n").filter((line) => !/ledger in|^$/.test(line));
const lines = run.stdout.split("\n");
const report = lines.slice(lines.findIndex((line) => line.startsWith("***")));
const fired = lines.findIndex((line) => line.includes("ALERT firing"));
const received = lines.find((line) => line.startsWith(">>")) ?? "";
const resolved = lines.filter((line) => /ALERT resolved/.test(line));
const early = lines
  .filter((line) => / (training|inference)-like .*(container|user):/.test(line))
  .slice(40, 44);

draw([
  "$ npm ci && npm start",
  ...said.map((line) => line.replace(/:\d{5} /, ":9836 ").replace(ROOT, "")),
  "…",
  ...early,
  "…",
  ...lines.slice(fired - 3, fired + 1),
  received,
  "…",
  ...resolved,
  "",
  ...report.slice(0, 18),
  "…",
  ...report.filter((line) => line.startsWith("Reconciled")),
]);

function draw(text: readonly string[]): void {
  const width = Math.round(COLUMNS * CHAR_PX + 2 * PADDING_PX);
  const height = text.length * LINE_PX + 2 * PADDING_PX;
  const rows = text.map((line, i) => {
    const cut = line.length > COLUMNS ? `${line.slice(0, COLUMNS - 1)}…` : line;
    const colour = COLOURS.find(([pattern]) => pattern.test(line))?.[1] ?? "#c9d1d9";
    const y = PADDING_PX + (i + 0.75) * LINE_PX;
    return `<text x="${PADDING_PX}" y="${y}" fill="${colour}" xml:space="preserve">${escape(cut)}</text>`;
  });
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="${FONT_PX}">`,
    "<title>gpu-assay on its simulated recording: labelled slices, an alert, a cost report</title>",
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    ...rows,
    "</svg>",
    "",
  ].join("\n");
  writeFileSync(new URL("../../docs/demo.svg", import.meta.url), svg);
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
