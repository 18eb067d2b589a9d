/*
 * After Okabe and Ito: told apart with every common kind of colour blindness. Those too pale to read
 * on white are left out. Every line is also named where it ends.
 */
export const SERIES = ["#0072b2", "#d55e00", "#00805d", "#a8447f", "#4d4d4d"] as const;

export const INK = "#1a1a1a";
export const MUTED = "#5f5f5f";
export const GRID = "#e4e4e4";
export const FRAME = "#b5b5b5";
export const PAPER = "#ffffff";
export const ALARM = "#a61b00";

/** The colour of the n-th series of a panel. */
export function seriesColour(n: number): string {
  return SERIES[n % SERIES.length] ?? INK;
}
