import { readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  BASE_MS,
  globalPid,
  imported,
  NSIGHT_TABLES,
  nsightKernel,
  of,
  tracePath,
  writeNsight,
} from "./traces.ts";

const MS = 1_000_000;

describe("an export of Nsight Systems", () => {
  it("becomes launches with durations of each process", async () => {
    const path = writeNsight(
      nsightKernel(100 * MS, 350 * MS) +
        nsightKernel(400 * MS, 650 * MS) +
        nsightKernel(1500 * MS, 1600 * MS, { pid: 16_777_215, gpu: 1 }),
    );
    const before = statSync(path).mtimeMs;
    const { seen, read } = await imported(path);
    expect(read.warnings).toEqual([]);
    expect(of(seen, "node")[0]).toMatchObject({
      node: "gpu-node-17",
      source: "nsight-systems",
      gpus: [
        { index: 0, model: "Example GPU", memoryTotalBytes: 85899345920 },
        { index: 1, model: "unknown GPU" },
      ],
    });
    expect(of(seen, "launches")).toMatchObject([
      {
        atMs: BASE_MS + 1100,
        pid: 4242,
        list: [
          {
            name: "void gemm<float>(float*)",
            count: 2,
            durationSeconds: 0.5,
            grid: [128, 2, 1],
            block: [256, 1, 1],
          },
        ],
      },
      { pid: 16_777_215, list: [{ count: 1 }] },
    ]);
    const used = of(seen, "gpu").filter(({ gpu }) => gpu === 0);
    expect(used.map(({ gpuUtil }) => gpuUtil)).toEqual([undefined, 0.5, 0]);
    expect(statSync(path).mtimeMs).toBe(before);
  });

  it("may be read of one process alone", async () => {
    const path = writeNsight(nsightKernel(0, MS) + nsightKernel(0, MS, { pid: 9 }));
    const { seen } = await imported(path, { pid: 9 });
    expect(of(seen, "launches").map(({ pid }) => pid)).toEqual([9]);
    await expect(imported(path, { pid: 10 })).rejects.toMatchObject({ code: "trace/no-kernels" });
  });

  it("of an older version lacks columns and tables: what is not there is not told", async () => {
    const path = writeNsight(
      "INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (0, 1000000);",
      "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INTEGER, end INTEGER);",
    );
    const { seen, read } = await imported(path);
    const [sample] = of(seen, "launches");
    expect(sample).toMatchObject({ pid: 0, list: [{ count: 1, durationSeconds: 0.001 }] });
    expect(sample?.list[0]).toMatchObject({ name: undefined, grid: undefined, block: undefined });
    expect(read.warnings).toHaveLength(2);
    expect(of((await imported(path, { pid: 7 })).seen, "launches")[0]?.pid).toBe(7);
  });

  it("takes the short name where there is no other, and none that is no string's", async () => {
    const tables = NSIGHT_TABLES.replace("demangledName INTEGER NOT NULL,", "");
    const row = `INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (0, 1000, 0, 1, 7, 1, ${globalPid(1)}, 2, 3, 1, 1, 1, 1, 1, 1);`;
    const short = await imported(writeNsight(row, tables));
    expect(of(short.seen, "launches")[0]?.list[0]?.name).toBe("gemm");
    const none = await imported(writeNsight(nsightKernel(0, 1000, { name: 99 })));
    expect(of(none.seen, "launches")[0]?.list[0]?.name).toBeUndefined();
  });

  it("holds graphs that were traced as a whole", async () => {
    const graphs = `CREATE TABLE CUPTI_ACTIVITY_KIND_GRAPH_TRACE (start INTEGER, end INTEGER,
      deviceId INTEGER, globalPid INTEGER, graphId INTEGER);
      INSERT INTO CUPTI_ACTIVITY_KIND_GRAPH_TRACE VALUES (0, ${2 * MS}, 0, ${globalPid(5)}, 1);`;
    const { seen } = await imported(writeNsight(graphs));
    expect(of(seen, "launches")).toMatchObject([
      { pid: 5, list: [{ entry: "cuGraphLaunch", count: 1, durationSeconds: 0.002 }] },
    ]);
  });

  it("with rows that cannot be is read without them", async () => {
    const path = writeNsight(nsightKernel(5000, 1000) + nsightKernel(0, 1000));
    const { seen, read } = await imported(path);
    expect(of(seen, "launches")[0]?.list[0]?.count).toBe(1);
    expect(read.warnings).toEqual(["1 kernels could not be read"]);
  });
});

describe("what is no such export is refused", () => {
  it("another database, one without a kernel, a damaged one", async () => {
    const other = writeNsight("", "CREATE TABLE t (a);");
    await expect(imported(other)).rejects.toMatchObject({ code: "trace/format", exitCode: 2 });
    await expect(imported(writeNsight(""))).rejects.toMatchObject({ code: "trace/no-kernels" });
    const whole = writeNsight(
      Array.from({ length: 2000 }, (_, i) => nsightKernel(i * 10, i * 10 + 5)).join(""),
    );
    const damaged = tracePath("damaged.sqlite");
    const bytes = readFileSync(whole);
    writeFileSync(damaged, bytes.fill(0x5a, 4096));
    await expect(imported(damaged)).rejects.toMatchObject({
      code: "trace/malformed",
      place: damaged,
      hint: expect.stringMatching(/./),
    });
  });
});
