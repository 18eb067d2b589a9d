import { describe, expect, it } from "vitest";
import { GPU_QUANTITIES } from "../../../src/model/sample.ts";
import { failureOf, gpuLine, HEADER, plainFile, readAll, T0 } from "./support/files.ts";

/** What one line after the header becomes. */
async function read(line: object | string) {
  const { observations, reader } = await readAll(plainFile([HEADER, line]));
  return { observation: observations[1], warnings: reader.warnings };
}

function fail(line: object | string) {
  return failureOf(readAll(plainFile([HEADER, line])));
}

const process = { pid: 7 };

describe("a gpu line", () => {
  it("becomes a sample with every quantity of the format", async () => {
    const fields = Object.fromEntries(GPU_QUANTITIES.map((name) => [name, 1]));
    const { observation, warnings } = await read(gpuLine(1, 1, fields));
    expect(observation).toStrictEqual({ kind: "gpu", atMs: T0 * 1000 + 1000, gpu: 1, ...fields });
    expect(warnings).toEqual([]);
  });

  it("rounds seconds to the nearest millisecond", async () => {
    expect((await read(gpuLine(0.1234))).observation).toMatchObject({ atMs: T0 * 1000 + 123 });
    expect((await read(gpuLine(0.1236))).observation).toMatchObject({ atMs: T0 * 1000 + 124 });
  });

  it("keeps not measured apart from 0, whether null or absent", async () => {
    const nulls = Object.fromEntries(GPU_QUANTITIES.map((name) => [name, null]));
    const bare = { kind: "gpu", atMs: T0 * 1000, gpu: 0 };
    expect((await read(gpuLine(0, 0, nulls))).observation).toStrictEqual(bare);
    expect((await read(gpuLine(0))).observation).toStrictEqual(bare);
    const zeros = Object.fromEntries(GPU_QUANTITIES.map((name) => [name, 0]));
    expect((await read(gpuLine(0, 0, zeros))).observation).toStrictEqual({ ...bare, ...zeros });
  });

  it.each([
    ["gpuUtil", 1.05, 1.0501],
    ["smActive", 0, -0.0001],
    ["powerWatts", 0, -1],
    ["powerWatts", 100_000, 4_294_967_295],
    ["memUsedBytes", 1e15, 18_446_744_073_709_552_000],
    ["energyJoules", 9e12, 1e13],
    ["tempC", -60, -61],
    ["clockEventReasons", 4, 4.5],
  ])("believes %s of %d, and holds %d for not measured", async (field, good, garbage) => {
    const kept = await read(gpuLine(0, 0, { [field]: good, memUtil: 0.5 }));
    expect(kept.observation).toHaveProperty(field);
    expect(kept.warnings).toEqual([]);
    const dropped = await read(gpuLine(0, 0, { [field]: garbage, memUtil: 0.5 }));
    expect(dropped.observation).not.toHaveProperty(field);
    expect(dropped.observation).toHaveProperty("memUtil", 0.5);
    expect(dropped.warnings).toMatchObject([
      { code: "implausible-value", subject: `gpu.${field}`, count: 1 },
    ]);
  });

  it("reads a number beyond all numbers as garbage", async () => {
    const line = `{"kind":"gpu","t":${T0},"gpu":0,"powerWatts":1e999}`;
    expect((await read(line)).warnings).toMatchObject([{ code: "implausible-value" }]);
  });

  it("reads a ratio that averaging pushed above 1 as 1", async () => {
    expect((await read(gpuLine(0, 0, { gpuUtil: 1.02 }))).observation).toHaveProperty("gpuUtil", 1);
  });

  it.each(GPU_QUANTITIES)("refuses a %s that is no number", async (field) => {
    for (const wrong of ["5", true, {}, [1]]) {
      const error = await fail(gpuLine(0, 0, { [field]: wrong }));
      expect(error.code).toBe("recording/malformed");
      expect(error.message).toContain(field);
      expect(error.place).toMatch(/a\.ndjson:2$/);
    }
  });

  it.each([
    ["no time", { kind: "gpu", gpu: 0 }, "`t`"],
    ["a time as text", { kind: "gpu", t: "2024-01-01", gpu: 0 }, "`t`"],
    ["a time in milliseconds", { kind: "gpu", t: T0 * 1000, gpu: 0 }, "Unix seconds"],
    ["a time before 1970", { kind: "gpu", t: -1, gpu: 0 }, "`t`"],
    ["no gpu", { kind: "gpu", t: T0 }, "`gpu`"],
    ["a gpu between two", { kind: "gpu", t: T0, gpu: 0.5 }, "0.5"],
    ["a negative gpu", { kind: "gpu", t: T0, gpu: -1 }, "-1"],
    ["a gpu by name", { kind: "gpu", t: T0, gpu: "GPU-a" }, "a string"],
  ])("refuses %s", async (_, line, word) => {
    const error = await fail(line);
    expect(error.code).toBe("recording/malformed");
    expect(error.message).toContain(word);
  });
});

describe("the other lines", () => {
  it("makes processes of a processes line", async () => {
    const full = {
      pid: 10,
      ppid: 1,
      smUtil: 0.5,
      memUtil: 0.25,
      memUsedBytes: 2 ** 30,
      comm: "python",
      exe: "/usr/bin/python3",
      argv: ["python", "train.py"],
      user: "alice",
      cgroup: "/a",
      environ: { RANK: "0" },
    };
    const list = [{ ...full, startTime: T0 + 0.5 }, process];
    const { observation, warnings } = await read({ kind: "processes", t: T0, gpu: 1, list });
    expect(observation).toStrictEqual({
      kind: "processes",
      atMs: T0 * 1000,
      gpu: 1,
      list: [{ ...full, startTimeMs: T0 * 1000 + 500 }, process],
    });
    expect(warnings).toEqual([]);
  });

  it("keeps an empty list: the collector looked and saw nobody", async () => {
    const { observation } = await read({ kind: "processes", t: T0, gpu: 0, list: [] });
    expect(observation).toStrictEqual({ kind: "processes", atMs: T0 * 1000, gpu: 0, list: [] });
  });

  it("leaves out null fields and garbage figures of a process", async () => {
    const list = [{ pid: 7, comm: null, smUtil: 1.5, memUtil: -1, memUsedBytes: 2 ** 64 }];
    const { observation, warnings } = await read({ kind: "host", t: T0, list });
    expect(observation).toStrictEqual({ kind: "host", atMs: T0 * 1000, list: [process] });
    expect(warnings.map(({ code, subject }) => `${code} ${subject}`)).toEqual([
      "implausible-value list.smUtil",
      "implausible-value list.memUtil",
      "implausible-value list.memUsedBytes",
    ]);
  });

  it("makes a gap and a probe", async () => {
    const gap = { kind: "gap", source: "nvml", from: T0, to: T0 + 2.5, reason: "asleep" };
    expect((await read(gap)).observation).toStrictEqual({
      kind: "gap",
      source: "nvml",
      fromMs: T0 * 1000,
      toMs: T0 * 1000 + 2500,
      reason: "asleep",
    });
    const fields = { gpu: 0, kernel: "matmul", durationSeconds: 0.1, queueSeconds: 0, work: 1e9 };
    expect((await read({ kind: "probe", t: T0, ...fields })).observation).toStrictEqual({
      kind: "probe",
      atMs: T0 * 1000,
      ...fields,
    });
  });

  it("takes what a later version may say of a probe as not told, and the rest of the line", async () => {
    const fields = { gpu: 0, kernel: "k", durationSeconds: 0.1, work: 1, pid: 7 };
    const known = { ...fields, resource: "gather", timing: "wall" };
    expect((await read({ kind: "probe", t: T0, ...known })).observation).toMatchObject(known);
    const later = { ...fields, resource: "tensor", timing: "sundial" };
    const { observation } = await read({ kind: "probe", t: T0, ...later });
    expect(observation).toMatchObject({ ...fields, resource: undefined, timing: undefined });
  });

  it("accepts a gap of no length and refuses one that ends before it begins", async () => {
    const gap = { kind: "gap", source: "nvml", from: T0, to: T0, reason: "" };
    expect((await read(gap)).observation).toMatchObject({ fromMs: T0 * 1000, toMs: T0 * 1000 });
    expect((await fail({ ...gap, to: T0 - 1 })).code).toBe("recording/malformed");
  });

  it.each([
    [{ kind: "processes", t: T0, gpu: 0 }, "list"],
    [{ kind: "processes", t: T0, gpu: 0, list: {} }, "list"],
    [{ kind: "processes", t: T0, gpu: 0, list: [process, 5] }, "list[1]"],
    [{ kind: "processes", t: T0, gpu: 0, list: [process, { pid: "7" }] }, "list[1].pid"],
    [{ kind: "processes", t: T0, list: [] }, "gpu"],
    [{ kind: "host", t: T0, list: [{ pid: 7, argv: "python" }] }, "list[0].argv"],
    [{ kind: "host", t: T0, list: [{ pid: 7, environ: { A: 1 } }] }, "list[0].environ.A"],
    [{ kind: "host", t: "now", list: [] }, "t"],
    [{ kind: "gap", source: "nvml", from: T0, reason: "x" }, "to"],
    [
      { kind: "probe", t: T0, gpu: 0, kernel: "a", durationSeconds: "1", work: 1 },
      "durationSeconds",
    ],
  ])("names the field of the wrong type: %j", async (line, path) => {
    const error = await fail(line);
    expect(error.code).toBe("recording/malformed");
    expect(error.message).toContain(`\`${path}\``);
    expect(error.exitCode).toBe(2);
  });
});

describe("what is skipped", () => {
  it.each(["truth", "phase"])("says nothing of a %s line to anybody", async (kind) => {
    const secret = { kind, t: T0, gpu: 0, from: T0, to: T0, label: "mining-like", name: "miner" };
    const { observation, warnings } = await read(secret);
    expect(observation).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it("counts kinds it does not know or use", async () => {
    expect((await read({ kind: "hologram", gpu: 99 })).warnings).toMatchObject([
      { code: "unknown-kind", subject: "hologram", count: 1 },
    ]);
    expect((await read({ kind: "calibration", t: T0, list: [] })).warnings).toMatchObject([
      { code: "unused-kind", subject: "calibration" },
    ]);
  });

  it("counts unknown fields of lines and of entries, and leaves them out", async () => {
    const gpu = await read(gpuLine(0, 0, { fanRatio: 0.5 }));
    expect(gpu.observation).toStrictEqual({ kind: "gpu", atMs: T0 * 1000, gpu: 0 });
    expect(gpu.warnings).toMatchObject([{ code: "unknown-field", subject: "gpu.fanRatio" }]);
    const host = await read({ kind: "host", t: T0, list: [{ pid: 7, mood: 1 }], extra: 1 });
    expect(host.observation).toStrictEqual({ kind: "host", atMs: T0 * 1000, list: [process] });
    expect(host.warnings.map(({ subject }) => subject)).toEqual(["host.extra", "list.mood"]);
  });

  it("shows hostile names escaped and keeps the list of them short", async () => {
    const kinds = Array.from({ length: 500 }, (_, i) => ({ kind: `\u001b[31mkind ${i}` }));
    const { reader } = await readAll(plainFile([HEADER, ...kinds]));
    expect(reader.warnings[0]?.subject).toBe("\\u{1b}[31mkind 0");
    expect(reader.warnings.length).toBeLessThanOrEqual(65);
    expect(reader.warnings.reduce((sum, { count }) => sum + count, 0)).toBe(500);
  });

  it.each([["5"], ["[]"], ["null"], ['{"t":1}'], ['{"kind":5}'], ["not json"]])(
    "refuses %s, which is no line of a recording",
    async (line) => {
      expect((await fail(line)).code).toBe("recording/malformed");
    },
  );
});
