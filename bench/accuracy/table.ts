/** Markdown that reads well in a terminal, too: columns are padded, and those of numbers end together. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = head.map((title, i) => {
    const cells = rows.map((row) => row[i] ?? "");
    const width = Math.max(3, ...[title, ...cells].map((cell) => cell.length));
    const isNumbers = i > 0 && cells.every((cell) => /^$|^[\d–+−]/.test(cell));
    const pad = (cell: string): string => (isNumbers ? cell.padStart(width) : cell.padEnd(width));
    const rule = isNumbers ? `${"-".repeat(width - 1)}:` : "-".repeat(width);
    return { rule, pad };
  });
  const line = (cells: readonly string[]): string =>
    `| ${columns.map(({ pad }, i) => pad(cells[i] ?? "")).join(" | ")} |\n`;
  return line(head) + line(columns.map(({ rule }) => rule)) + rows.map(line).join("");
}

const NONE = "–";

export const percent = (share: number | undefined): string =>
  share === undefined ? NONE : `${(100 * share).toFixed(1)} %`;

export const ratio = (value: number | undefined): string =>
  value === undefined ? NONE : value.toFixed(3);

/** 20012 → `20,012`: the same whatever the machine's locale. */
export const whole = (value: number | undefined): string =>
  value === undefined ? NONE : value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ",");

export const seconds = (value: number | undefined): string =>
  value === undefined ? NONE : `${value.toFixed(0)} s`;

/** With its sign, so that a difference is not read as a level; nothing printed as 0 has one. */
export function signed(value: number, text: (value: number) => string): string {
  const size = text(Math.abs(value));
  if (!/[1-9]/.test(size)) return size;
  return `${value < 0 ? "−" : "+"}${size}`;
}
