import { type Label, LABELS } from "../../src/model/label.ts";
import type { Truth } from "./truth.ts";

type Column = Label | "(none)";

/** A window's label, in Unix seconds. */
export interface Said {
  gpu: number;
  from: number;
  to: number;
  label: Label;
}

/** The figures that a set of labels comes to. Shares are 0..1 of the truth's GPU-seconds. */
export interface Score {
  totalSeconds: number;
  accuracy: number;
  macroF1: number;
  classes: readonly Label[];
  unknown: number;
  /** GPU-seconds called mining-like that were none. */
  falseMiningSeconds: number;
}

export const COLUMNS: readonly Column[] = [...LABELS, "(none)"];

/** GPU-seconds by what was true and what was said. */
export class Confusion {
  private readonly seconds = new Map<string, number>();

  compare(truth: Truth, said: readonly Said[]): void {
    let left = truth.to - truth.from;
    for (const window of said) {
      const seconds = Math.min(truth.to, window.to) - Math.max(truth.from, window.from);
      if (window.gpu !== truth.gpu || seconds <= 0) continue;
      // Where honest work of two kinds shared a device, either name is right.
      const either = truth.labels?.includes(window.label) && !truth.labels.includes("mining-like");
      this.count(either ? window.label : truth.label, window.label, seconds);
      left -= seconds;
    }
    if (left > 1e-6) this.count(truth.label, "(none)", left);
  }

  cell(truth: Label, said: Column): number {
    return this.seconds.get(`${truth} ${said}`) ?? 0;
  }

  /** The labels that something was. */
  get classes(): Label[] {
    return LABELS.filter((label) => this.rowSum(label) > 0);
  }

  score(): Score {
    const total = LABELS.reduce((sum, truth) => sum + this.rowSum(truth), 0);
    const right = LABELS.reduce((sum, label) => sum + this.cell(label, label), 0);
    const { classes } = this;
    const f1 = (label: Label): number =>
      (2 * this.cell(label, label)) / (this.rowSum(label) + this.columnSum(label));
    return {
      totalSeconds: total,
      accuracy: right / total,
      macroF1: classes.reduce((sum, label) => sum + f1(label), 0) / classes.length,
      classes,
      unknown: this.columnSum("unknown") / total,
      falseMiningSeconds: this.columnSum("mining-like") - this.cell("mining-like", "mining-like"),
    };
  }

  private rowSum(truth: Label): number {
    return COLUMNS.reduce((sum, said) => sum + this.cell(truth, said), 0);
  }

  private columnSum(said: Column): number {
    return LABELS.reduce((sum, truth) => sum + this.cell(truth, said), 0);
  }

  private count(truth: Label, said: Column, seconds: number): void {
    this.seconds.set(`${truth} ${said}`, this.cell(truth, said) + seconds);
  }
}
