import { sanitize } from "../../model/text.ts";

/** How much of an owner's name a cell of a file holds. */
export const MAX_CELL = 1024;

/** What a spreadsheet takes for the beginning of a formula, wide forms included. */
const FORMULA = /^[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/;

/** A text that a spreadsheet takes for text, as CSV cells are: `'` before what begins a formula. */
export function guarded(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

/** What an observed process or user wrote, for a cell: bounded, visible, and no formula. */
export function foreignCell(text: string, maxLength: number = MAX_CELL): string {
  return guarded(sanitize(text, maxLength));
}

/** A share for people: never 100 % or 0 % unless it is. */
export function percent(ratio: number): string {
  if (ratio > 0.9999 && ratio < 1) return "> 99.99 %";
  if (ratio > 0 && ratio < 0.0001) return "< 0.01 %";
  return `${(ratio * 100).toFixed(2)} %`;
}
