import type { Row } from "./summary.ts";

type Cell = (row: Row) => number | string | undefined;

/** Title, width, digits after the point, and where it is. */
const COLUMNS: readonly (readonly [string, number, number, Cell])[] = [
  ["W", 6, 0, ({ means }) => means.powerWatts],
  ["CV", 6, 3, ({ powerCv }) => powerCv],
  ["util", 5, 2, ({ means }) => means.gpuUtil],
  ["mem", 5, 2, ({ means }) => means.memUtil],
  ["SM", 5, 2, ({ means }) => means.smActive],
  ["tensor", 6, 3, ({ means }) => means.tensorActive],
  ["dram", 6, 3, ({ means }) => means.dramActive],
  ["int", 6, 3, ({ means }) => means.intActive],
  ["fp32", 6, 3, ({ means }) => means.fp32Active],
  ["GB", 6, 1, ({ memUsedGB }) => memUsedGB],
  ["rxMB/s", 7, 0, ({ means }) => inMega(means.pcieRxBytesPerSec)],
  ["MHz", 5, 0, ({ means }) => means.smClockMHz],
];
const NOT_MEASURED = "-";

/** `-` is not measured. The throughput is that of the first part that told one. */
export function table(rows: readonly Row[]): string {
  const head = `${"workload".padEnd(18)} ${"label".padEnd(15)}${COLUMNS.map(([title, width]) => ` ${title.padStart(width)}`).join("")}  throughput\n`;
  return head + rows.map(rowText).join("");
}

function rowText(row: Row): string {
  const labels = row.labels?.map((label) => label.replace("-like", "")).join("+") ?? row.label;
  const cells = COLUMNS.map(([, width, digits, cell]) => {
    const value = cell(row);
    const text = typeof value === "number" ? value.toFixed(digits) : (value ?? NOT_MEASURED);
    return ` ${text.padStart(width)}`;
  });
  const told = row.parts.find(({ throughput }) => throughput !== undefined);
  const rate = told ? `${told.throughput?.toPrecision(3)} ${told.unit ?? ""}` : NOT_MEASURED;
  const start = `${row.workload.slice(0, 18).padEnd(18)} ${labels.slice(0, 15).padEnd(15)}`;
  return `${start}${cells.join("")}  ${rate}\n`;
}

const inMega = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : value / 1e6;
