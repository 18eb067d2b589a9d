import { readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import type { SetResult } from "./result.ts";
import { percent, ratio, table, whole } from "./table.ts";

const entry = z.strictObject({
  date: z.iso.date(),
  model: z.string(),
  /** Of the model's JSON: a version changed in silence shows. Absent in rows older than the field. */
  modelHash: z.string().optional(),
  recordings: z.string(),
  truthSeconds: z.number(),
  accuracy: z.number(),
  macroF1: z.number(),
  unknown: z.number(),
  falseMiningSeconds: z.number(),
  /** How often that day with exactly these figures. */
  times: z.int().min(1),
  note: z.string().optional(),
});

/** Every scoring on recordings of other people: nobody can look at them often and tell it not. */
export type LogEntry = z.infer<typeof entry>;

const DIGITS = 1e6;

export function readLog(file: string): LogEntry[] {
  return z.array(entry).parse(JSON.parse(readFileSync(file, "utf8")));
}

export function writeLog(file: string, log: readonly LogEntry[]): void {
  writeFileSync(file, `${JSON.stringify(log, null, 2)}\n`);
}

/** The log with one more scoring; one that repeats the day's last in every figure is counted there. */
export function logged(
  log: readonly LogEntry[],
  { figures, model, data }: SetResult,
  date: string,
): LogEntry[] {
  const round = (value: number): number => Math.round(value * DIGITS) / DIGITS;
  const next: LogEntry = {
    date,
    model: model.version,
    modelHash: model.hash,
    recordings: `${data.runs} runs of ${data.families} families (${data.devices.join(", ")})`,
    truthSeconds: Math.round(figures.truthSeconds),
    accuracy: round(figures.accuracy),
    macroF1: round(figures.macroF1),
    unknown: round(figures.unknown),
    falseMiningSeconds: round(figures.falseMiningSeconds),
    times: 1,
  };
  const last = log.at(-1);
  const isRepeated = last && JSON.stringify(figuresIn(last)) === JSON.stringify(figuresIn(next));
  if (!isRepeated) return [...log, next];
  return [...log.slice(0, -1), { ...last, times: last.times + 1 }];
}

export function logTable(log: readonly LogEntry[]): string {
  return table(
    [
      "date",
      "model",
      "recordings",
      "truth, GPU-s",
      "accuracy",
      "macro-F1",
      "unknown",
      "false mining, GPU-s",
      "scored",
      "note",
    ],
    log.map((each) => [
      each.date,
      each.modelHash ? `${each.model} ${each.modelHash}` : each.model,
      each.recordings,
      whole(each.truthSeconds),
      percent(each.accuracy),
      ratio(each.macroF1),
      percent(each.unknown),
      whole(each.falseMiningSeconds),
      each.times === 1 ? "once" : `${each.times} times`,
      each.note ?? "",
    ]),
  );
}

function figuresIn({ times: _times, note: _note, ...figures }: LogEntry): unknown[] {
  return Object.entries(figures).sort(([a], [b]) => (a < b ? -1 : 1));
}
