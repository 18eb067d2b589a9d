import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { evaluate } from "../../bench/accuracy/evaluate.ts";
import type { Fitter } from "../../bench/accuracy/fitting.ts";
import { foldsBy } from "../../bench/accuracy/folds.ts";
import { openRecording } from "../../bench/accuracy/open.ts";
import type { SetResult } from "../../bench/accuracy/result.ts";
import { GROUP_NAMES, scoreRun } from "../../bench/accuracy/run-score.ts";
import { overlay, type Piece } from "../../bench/accuracy/overlay.ts";
import { recordingsIn } from "../../bench/accuracy/truth.ts";
import { labelled } from "../../bench/accuracy/label.ts";
import type { LabelledWindow } from "../../bench/labelled.ts";
import { loadShippedData } from "../../src/config/data.ts";
import { FEATURE_GROUPS } from "../../src/model/signature.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { type MadeUp, T0, writeMadeUp } from "./accuracy-recordings.ts";

const { model } = loadShippedData();
const H100 = "NVIDIA H100 80GB HBM3";
const A100 = "NVIDIA A100-SXM4-40GB";

function folderOf(recordings: Record<string, MadeUp>): string[] {
  const folder = temporaryFolder("accuracy");
  for (const [name, recording] of Object.entries(recordings)) writeMadeUp(folder, name, recording);
  return recordingsIn(folder);
}

const own = (): string[] =>
  folderOf({
    a: { family: "gpt", label: "training-like", model: H100 },
    b: { family: "gpt", label: "training-like", model: A100 },
    c: { family: "sort", label: "other", model: H100 },
    d: { family: "decode", label: "inference-like", model: A100 },
  });

async function resultOn(files: string[], fitter?: Fitter): Promise<SetResult> {
  const { result } = await evaluate(files, { kind: "own", model, fitter, without: [] });
  if (!result) throw new Error("nothing was scored");
  return result;
}

describe("a fold", () => {
  it("learns from no item that has anything of what is left out", () => {
    const items = [["a"], ["a", "b"], ["c"]].map((keys) => new Set(keys));
    expect(
      foldsBy(items, (item) => item).map(({ leftOut, train, test }) => [
        leftOut,
        train.length,
        test.length,
      ]),
    ).toEqual([
      ["a", 1, 2],
      ["b", 2, 1],
      ["c", 2, 1],
    ]);
  });
});

describe("a model that is fitted", () => {
  it("never sees the family that it is judged on, nor the device model; and is fitted once for each", async () => {
    const fits: LabelledWindow[][] = [];
    const fit: Fitter["fit"] = (windows, base) => {
      fits.push([...windows]);
      return { ...base, version: `fit-${fits.length}` };
    };
    await resultOn(own(), { fit, base: model });
    const seen = (of: (window: LabelledWindow) => string): string[] =>
      fits.map((windows) => [...new Set(windows.map(of))].sort().join("+"));
    // Families in the order of their names (decode, gpt, sort), then device models (A100, H100).
    expect(seen(({ family }) => family).slice(0, 3)).toEqual([
      "gpt+sort",
      "decode+sort",
      "decode+gpt",
    ]);
    expect(seen(({ result }) => result.gpu.model).slice(3)).toEqual([H100, A100]);
    expect(fits).toHaveLength(5);
  });

  it("labels the family that it was fitted without, and no other", async () => {
    // A model that can only say what it was fitted for: each family is labelled with its own name's label.
    const fit: Fitter["fit"] = (windows, base) => {
      const seen = new Set(windows.map(({ family }) => family));
      const label = seen.has("gpt")
        ? seen.has("sort")
          ? "inference-like"
          : "other"
        : "training-like";
      return { ...base, prior: { ...base.prior, weights: { [label]: 6 } }, features: [quiet] };
    };
    const [first] = model.features;
    if (!first) throw new Error("no feature");
    const quiet = { ...first, bins: [{ weights: {}, reason: "says nothing" }] };
    const alone = { ...model, decision: { ...model.decision, minFeatures: 1, minSupport: -6 } };
    const result = await resultOn(own(), { fit, base: alone });
    expect(result.scoring).toBe("folds");
    expect(result.figures.accuracy).toBe(1);
  });

  it("of one device model only cannot be judged by leaving it out", async () => {
    const fit: Fitter["fit"] = (_, base) => base;
    const files = folderOf({
      a: { family: "gpt", label: "training-like" },
      b: { family: "sort", label: "other" },
    });
    expect((await resultOn(files, { fit, base: model })).deviceOut).toBeUndefined();
    expect((await resultOn(own(), { fit, base: model })).deviceOut).toBeDefined();
  });

  it("is never fitted on recordings of other people", async () => {
    const fit: Fitter["fit"] = (_, base) => base;
    const plan = { kind: "foreign", model, fitter: { fit, base: model }, without: [] } as const;
    await expect(evaluate(own(), plan)).rejects.toThrow(RangeError);
  });

  it("marks a family that the shipped model was fitted on", async () => {
    const recordings = [{ file: "x", sha256: "0", families: ["gpt"] }];
    const figures = { accuracy: 1, macroF1: 1, unknown: 0, falseMiningSeconds: 0 };
    const fitted = { recordings, simulated: false, gpuSeconds: 1, leaveOneFamilyOut: figures };
    const plan = { kind: "foreign", model: { ...model, fitted }, without: [] } as const;
    const { result } = await evaluate(own(), plan);
    expect(result?.families.map(({ name, seen }) => [name, seen])).toEqual([
      ["decode", false],
      ["gpt", true],
      ["sort", false],
    ]);
    expect(result?.model.fittedOn).toBe(1);
  });
});

describe("a group of evidence that is left out", () => {
  it("takes exactly its own features out of what is labelled", async () => {
    const [file = ""] = folderOf({ a: { family: "gpt", label: "training-like" } });
    const recording = await openRecording(file);
    const run = scoreRun(recording, { shipped: model }, []);
    expect(run.measured).toContain("power");
    expect(run.measured).not.toContain("probes");
    const names = (
      leaveOut: readonly (typeof FEATURE_GROUPS)[keyof typeof FEATURE_GROUPS][number][],
    ) => {
      const [first] = labelled(recording.observations, { leaveOut }).results;
      const features = Object.entries(first?.signature.features ?? {});
      return features.filter(([, value]) => value !== undefined).map(([name]) => name);
    };
    const all = names([]);
    // With their confidences, pieces tell groups apart that lead to the same labels.
    const [gone, pieces] = [new Map<string, string[]>(), new Map<string, Piece[]>()];
    for (const group of GROUP_NAMES) {
      const left = names(FEATURE_GROUPS[group]);
      gone.set(
        group,
        all.filter((name) => !left.includes(name)),
      );
      const { final } = labelled(recording.observations, { leaveOut: FEATURE_GROUPS[group] });
      pieces.set(group, overlay(recording.name, recording.truths.devices, final));
    }
    const measured = (group: keyof typeof FEATURE_GROUPS): string[] =>
      FEATURE_GROUPS[group].filter((name) => all.includes(name));
    const sorted = (found: ReadonlyMap<string, readonly string[]>) =>
      [...found].map(([group, features]) => [group, features.toSorted()]);
    expect(sorted(gone)).toEqual(
      sorted(new Map(GROUP_NAMES.map((name) => [name, measured(name)]))),
    );
    expect(new Map(run.ablated)).toEqual(pieces);
  });

  it("is every group that there is", () => {
    expect(GROUP_NAMES).toEqual(Object.keys(FEATURE_GROUPS));
  });
});

describe("a recording", () => {
  const evaluated = (folder: string) =>
    evaluate(recordingsIn(folder), { kind: "foreign", model, without: [] });

  it("that cannot be read is said, and the rest is scored", async () => {
    const folder = temporaryFolder("accuracy");
    writeMadeUp(folder, "good", { family: "gpt", label: "training-like" });
    writeFileSync(join(folder, "bad.ndjson"), "no recording\n");
    mkdirSync(join(folder, "folder.ndjson"));
    const { result, unscored } = await evaluated(folder);
    expect(result?.data.runs).toBe(1);
    expect(unscored.map(({ failed }) => failed)).toEqual([true, true]);
    expect(unscored[0]?.why).toContain("bad.ndjson");
  });

  it.each([
    ["a label that there is not", { label: "trainig-like" }],
    ["an end before its beginning", { to: T0 - 1 }],
    ["no beginning", { from: undefined }],
    ["a device that is not there", { gpu: 3 }],
  ])("with a truth line of %s is not scored by the rest of its truth", async (_, wrong) => {
    const folder = temporaryFolder("accuracy");
    const line = { kind: "truth", gpu: 0, from: T0, to: T0 + 5, label: "idle", ...wrong };
    writeMadeUp(folder, "bad", { family: "gpt", label: "training-like", more: [line] });
    const { result, unscored } = await evaluated(folder);
    expect(result).toBeUndefined();
    expect(unscored).toMatchObject([{ failed: true }]);
  });

  it("that breaks off in a truth line loses that line alone", async () => {
    const folder = temporaryFolder("accuracy");
    const file = writeMadeUp(folder, "cut", { family: "gpt", label: "training-like" });
    writeFileSync(file, '{"kind":"truth","gpu":0,"from":18000', { flag: "a" });
    const { result, unscored } = await evaluated(folder);
    expect(unscored).toEqual([]);
    expect(result?.figures.truthSeconds).toBe(60);
  });

  it("that is simulated, or tells no truth, is left out without being a failure", async () => {
    const folder = temporaryFolder("accuracy");
    writeMadeUp(folder, "sim", { family: "gpt", label: "training-like", simulated: true });
    writeMadeUp(folder, "short", { family: "gpt", label: "training-like", seconds: 0 });
    const { result, unscored } = await evaluated(folder);
    expect(result).toBeUndefined();
    expect(unscored.map(({ failed }) => failed)).toEqual([false, false]);
  });
});

describe("single processes", () => {
  it("are judged by the slice of their owner, beside the device's own truth and not in it", async () => {
    const folder = temporaryFolder("accuracy");
    const pid = (id: number, label: string) => ({
      kind: "truth",
      gpu: 0,
      from: T0,
      to: T0 + 60,
      label,
      pid: id,
    });
    const lists = Array.from({ length: 61 }, (_, s) => ({
      kind: "processes",
      t: T0 + s,
      gpu: 0,
      list: [{ pid: 7, user: "alice", smUtil: 1 }],
    }));
    writeMadeUp(folder, "a", {
      family: "gpt",
      label: "training-like",
      more: [...lists, pid(7, "training-like"), pid(8, "idle")],
    });
    const { result } = await evaluated(folder);
    expect(result?.figures.truthSeconds).toBe(60);
    expect(result?.processes?.truthSeconds).toBe(120);
    // Nobody ever saw process 8, so no slice is about it.
    expect(result?.processes?.coverage).toBe(0.5);
    const device = Object.keys(result?.figures.confusion["training-like"] ?? {});
    const process = Object.keys(result?.processes?.confusion["training-like"] ?? {});
    expect(process).toEqual(device);
  });

  const evaluated = (folder: string) =>
    evaluate(recordingsIn(folder), { kind: "foreign", model, without: [] });
});
