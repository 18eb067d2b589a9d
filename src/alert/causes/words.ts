import type { RunContext } from "../../model/observation.ts";
import { sanitize } from "../../model/text.ts";

/** Longest name of the sender's in a sentence. */
const MAX_NAME = 60;

/** `0.4 s`, `12 s`, `4 min`, `3.5 h`, `2.0 d`. */
export function lengthText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(1)} d`;
}

/** A sender's name for a sentence: bounded and escaped. */
export function nameText(name: string): string {
  return sanitize(name, MAX_NAME);
}

/** What a context speaks of, the narrowest first. */
export type Level = "tool call" | "episode" | "session" | "run" | "service";

export function levelOf({ tool, episode, session, run }: RunContext): Level {
  if (tool !== undefined) return "tool call";
  if (episode !== undefined) return "episode";
  if (session !== undefined) return "session";
  return run === undefined ? "service" : "run";
}
