import { describe, expect, it } from "vitest";
import { lineOf } from "../../../src/collect/recording/serialize.ts";
import type { LaunchSample } from "../../../src/model/sample.ts";
import { failureOf, HEADER, plainFile, readAll, T0 } from "./support/files.ts";

const LINE = {
  kind: "launches",
  t: T0 + 2,
  windowSeconds: 1.5,
  pid: 41,
  list: [
    { name: "gemm", entry: "cuLaunchKernel", count: 300, grid: [64, 2, 1], block: [128] },
    { entry: "memset", count: 2, durationSeconds: 0.001 },
  ],
};

async function launchesOf(...lines: object[]): Promise<LaunchSample[]> {
  const { observations } = await readAll(plainFile([HEADER, ...lines]));
  return observations.filter((each): each is LaunchSample => each.kind === "launches");
}

describe("a line of kernel launches", () => {
  it("is read with its time in milliseconds, and written back the same", async () => {
    const [read] = await launchesOf(LINE);
    expect(read).toEqual({
      kind: "launches",
      atMs: (T0 + 2) * 1000,
      windowSeconds: 1.5,
      pid: 41,
      list: LINE.list,
    });
    if (!read) throw new Error("nothing was read");
    expect(JSON.parse(lineOf(read) ?? "")).toEqual(LINE);
  });

  it.each([
    ["no window", { windowSeconds: null }, { windowSeconds: undefined }],
    ["a window of nothing", { windowSeconds: 0 }, { windowSeconds: undefined }],
    ["a count that is none", { list: [{ count: "many" }] }, { list: [{ count: undefined }] }],
    ["a grid in one number", { list: [{ grid: 64, count: 1 }] }, { list: [{ count: 1 }] }],
  ])("of a tracer that tells less is read for what it tells: %s", async (_, over, seen) => {
    const [read] = await launchesOf({ ...LINE, ...over });
    expect(JSON.parse(JSON.stringify(read))).toMatchObject(JSON.parse(JSON.stringify(seen)));
    expect(read?.list.length).toBeGreaterThan(0);
  });

  it("keeps its rhythm, and is read without one that is none", async () => {
    const rhythm = { bucketSeconds: 0.01, counts: [3, 0, 4] };
    const [read] = await launchesOf({ ...LINE, rhythm });
    expect(read?.rhythm).toEqual(rhythm);
    if (!read) throw new Error("nothing was read");
    expect(JSON.parse(lineOf(read) ?? "")).toEqual({ ...LINE, rhythm });
    for (const odd of [{ bucketSeconds: 0, counts: [] }, { counts: [1] }, "fast", [1], null]) {
      const [other] = await launchesOf({ ...LINE, rhythm: odd });
      expect(other?.rhythm).toBeUndefined();
      expect(other?.list).toEqual(LINE.list);
    }
  });

  it("without a pid is nobody's", async () => {
    const failure = await failureOf(readAll(plainFile([HEADER, { ...LINE, pid: undefined }])));
    expect(failure.code).toBe("recording/malformed");
  });

  it("may follow a younger one of another process: traces end when they end", async () => {
    const read = await launchesOf(LINE, { ...LINE, pid: 42, t: T0 + 1 });
    expect(read.map(({ pid }) => pid).sort()).toEqual([41, 42]);
  });
});
