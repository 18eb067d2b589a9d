/** Markdown that reads well in a terminal, too: columns are padded to one width. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) =>
    Math.max(3, ...[head, ...rows].map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, i) => (i === 0 ? (cells[i] ?? "").padEnd(width) : (cells[i] ?? "").padStart(width))).join(" | ")} |\n`;
  const rule = widths.map((width, i) =>
    i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return line(head) + line(rule) + rows.map(line).join("");
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
