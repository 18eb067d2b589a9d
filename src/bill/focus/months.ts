import type { Window } from "../../model/window.ts";

/** The calendar month, in UTC, that holds an instant: what FOCUS calls a billing period. */
export function monthOf(atMs: number): Window {
  const at = new Date(atMs);
  const first = (months: number): number => {
    const start = new Date(0);
    start.setUTCFullYear(at.getUTCFullYear(), at.getUTCMonth() + months, 1);
    return start.getTime();
  };
  return { fromMs: first(0), toMs: first(1) };
}

/** The months' ends inside a window. */
export function monthEnds({ fromMs, toMs }: Window): number[] {
  const ends: number[] = [];
  for (let at = monthOf(fromMs).toMs; at < toMs; at = monthOf(at).toMs) ends.push(at);
  return ends;
}
