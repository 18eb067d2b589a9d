import type { ErrorCode } from "../../model/errors.ts";
import type { NodeObservation, Observation } from "../../model/observation.ts";
import type { DriverSamples } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";

/** What is wrong with a line in the light of the lines before it. */
export interface Violation {
  code: ErrorCode;
  message: string;
  hint: string;
}

/** Stands for "no GPU" among the indices, which are never negative. */
const WHOLE_NODE = -1;

/**
 * The rules that bind the lines of one recording together: GPUs are listed once, lines speak of
 * listed GPUs, and no source goes back in time. The reader refuses what breaks them, and the writer
 * does not write it.
 */
export class RecordingRules {
  readonly #gpus = new Set<number>();
  readonly #latestMs = new Map<string, Map<number, number>>();

  /** What is broken, or undefined. A line without fault becomes part of what binds the next. */
  violation(observation: Observation): Violation | undefined {
    switch (observation.kind) {
      case "node":
        return this.#nodeViolation(observation);
      case "gap":
        return this.#unlisted(observation.gpu);
      // Several sources, each with a pace of its own, and words that come late.
      case "registry":
      case "context":
      // Traces of several processes end when they end: none of them is older than the others.
      case "launches":
        return undefined;
      case "host":
      case "sockets":
      case "tick":
      case "collector":
        return this.#backward(observation.kind, WHOLE_NODE, observation.atMs);
      default:
        return (
          (observation.kind === "samples" ? bufferFault(observation) : undefined) ??
          this.#unlisted(observation.gpu) ??
          this.#backward(observation.kind, observation.gpu, observation.atMs)
        );
    }
  }

  #nodeViolation(node: NodeObservation): Violation | undefined {
    const indices = new Set<number>();
    const uuids = new Set<string>();
    for (const { index, uuid } of node.gpus) {
      if (indices.has(index)) return duplicate(`index ${index}`);
      if (uuids.has(uuid)) return duplicate(`uuid ${sanitize(uuid)}`);
      indices.add(index);
      uuids.add(uuid);
    }
    this.#gpus.clear();
    for (const index of indices) this.#gpus.add(index);
    return undefined;
  }

  #unlisted(gpu: number | undefined): Violation | undefined {
    if (gpu === undefined || this.#gpus.has(gpu)) return undefined;
    return {
      code: "recording/unknown-gpu",
      message: `GPU ${gpu} is not listed`,
      hint: `the recording lists ${[...this.#gpus].join(", ") || "no GPU"}`,
    };
  }

  #backward(kind: string, gpu: number, atMs: number): Violation | undefined {
    const latest = this.#latestOf(kind);
    const before = latest.get(gpu);
    if (before !== undefined && atMs < before) {
      const whose = gpu === WHOLE_NODE ? "" : ` of GPU ${gpu}`;
      return {
        code: "recording/out-of-order",
        message: `\`${kind}\`${whose} goes back from ${before / 1000} to ${atMs / 1000}`,
        hint: "lines must come in time order: sort them by `t`",
      };
    }
    latest.set(gpu, atMs);
    return undefined;
  }

  #latestOf(kind: string): Map<number, number> {
    const known = this.#latestMs.get(kind);
    if (known) return known;
    const created = new Map<number, number>();
    this.#latestMs.set(kind, created);
    return created;
  }
}

function bufferFault({ offsetsMs, values }: DriverSamples): Violation | undefined {
  const fault = (message: string): Violation => ({
    code: "recording/malformed",
    message,
    hint: "docs/recording-format.md says what a driver's buffer looks like",
  });
  if (offsetsMs.length !== values.length)
    return fault(`\`offsetsMs\` has ${offsetsMs.length} entries, \`values\` ${values.length}`);
  if (!values.every(Number.isFinite)) return fault("`values` holds what is no number");
  const late = offsetsMs.findIndex((offset, i) => !(offset >= (offsetsMs[i - 1] ?? 0)));
  return late < 0 ? undefined : fault(`\`offsetsMs[${late}]\` goes back`);
}

function duplicate(what: string): Violation {
  return {
    code: "recording/duplicate-gpu",
    message: `two GPUs have ${what}`,
    hint: "every GPU of a recording has an index and a uuid of its own",
  };
}
