import { describe, expect, it } from "vitest";
import type { Observation } from "../../../src/model/observation.ts";
import { scriptNvmlStub, type NvmlScript } from "../../support/nvml-stub.ts";
import { AT, compiler, of, ready, suffix } from "./rig.ts";

type Observed = readonly Observation[];

describe.skipIf(!compiler)(`who is on a device${suffix}`, () => {
  const list = async (script: NvmlScript, without: string[] = []) => {
    const { collector } = await ready(script, { without });
    return of("processes", await collector.collect(AT))[0]?.list;
  };

  it("is an empty list where the driver says that nobody is", async () => {
    expect(await list({})).toEqual([]);
  });

  it.each([
    ["the call is not supported", { "error.nvmlDeviceGetComputeRunningProcesses_v3": 3 }, []],
    ["the call failed", { "error.nvmlDeviceGetComputeRunningProcesses_v3": 999 }, []],
    ["half of the call failed", { "error.nvmlDeviceGetGraphicsRunningProcesses_v3": 999 }, []],
    ["the driver lacks the call", {}, ["nvmlDeviceGetComputeRunningProcesses_v3"]],
  ])("is not told, rather than nobody, where %s", async (_name, script, without) => {
    expect(await list({ compute: "7:1", ...script }, without)).toBeUndefined();
  });

  it.each([24, 32])("comes from both lists, with entries of %s bytes", async (stride) => {
    const found = await list({ compute: "30:100 10:-1", graphics: "20:50", stride });
    expect(found).toEqual([
      { pid: 10 },
      { pid: 20, memUsedBytes: 50 },
      { pid: 30, memUsedBytes: 100 },
    ]);
  });

  it("comes from entries of 24 bytes where the driver clears the buffer", async () => {
    const compute = "30:1073741824 10:2147483648";
    expect((await list({ compute, clearRest: 1 }))?.map(({ pid }) => pid)).toEqual([10, 30]);
  });

  it.each([
    [3, [{ pid: 7, memUsedBytes: 1 }]],
    [4, undefined],
  ])("survives a list that grows under the call %s times: %s", async (grow, expected) => {
    expect(await list({ compute: "7:1", grow })).toEqual(expected);
  });

  it("has room for more processes than were ever seen", async () => {
    const pids = Array.from({ length: 200 }, (_, i) => i + 1);
    const found = await list({ compute: pids.map((pid) => `${pid}:1`).join(" ") });
    expect(found?.map(({ pid }) => pid)).toEqual(pids);
  });

  it("tells how much each used, also of one that has left the list", async () => {
    const us = (AT - 100) * 1000;
    const samples = `7:${us}:250:20:5:6 8:${us}:30:10`;
    expect(await list({ compute: "7:1", samples })).toEqual([
      { pid: 7, memUsedBytes: 1, memUtil: 0.2, encUtil: 0.05, decUtil: 0.06 },
      { pid: 8, smUtil: 0.3, memUtil: 0.1, encUtil: 0, decUtil: 0 },
    ]);
  });

  it("believes no sample twice, none from long ago and none from the future", async () => {
    const made = await ready({ compute: "7:1 8:1 9:1", garbage: 1 });
    const samples = `7:${AT * 1000}:50:0 8:1000:60:0 9:${(AT + 3_600_000) * 1000}:70:0`;
    scriptNvmlStub(made.library, { compute: "7:1 8:1 9:1", garbage: 1, samples });
    const use = async (atMs: number) => {
      made.clock.nowMs += 1000;
      return of("processes", await made.collector.collect(atMs))[0]?.list.map(
        ({ smUtil }) => smUtil,
      );
    };
    expect(await use(AT)).toEqual([0.5, undefined, undefined]);
    expect(await use(AT + 1000)).toEqual([undefined, undefined, undefined]);
  });

  it("sees new samples at once after the wall clock was set back an hour", async () => {
    const at = (atMs: number) => ({ compute: "7:1", samples: `7:${atMs * 1000}:50:0` });
    const made = await ready(at(AT));
    const use = async (atMs: number) => {
      scriptNvmlStub(made.library, at(atMs));
      made.clock.nowMs += 1000;
      return of("processes", await made.collector.collect(atMs))[0]?.list[0]?.smUtil;
    };
    expect(await use(AT)).toBe(0.5);
    const back = AT - 3_600_000;
    await use(back);
    expect(await use(back + 1000)).toBe(0.5);
  });
});

describe.skipIf(!compiler)(`clients of the multi-process service${suffix}`, () => {
  const MPS = "nvmlDeviceGetMPSComputeRunningProcesses_v3";
  const script = { compute: "10:5", mps: "10:7 20:8" };
  const pids = (seen: Observed) => of("processes", seen)[0]?.list.map(({ pid }) => pid);

  it("are listed with the others, each once and with the larger memory", async () => {
    const { collector } = await ready(script);
    expect(of("processes", await collector.collect(AT))[0]?.list).toEqual([
      { pid: 10, memUsedBytes: 7 },
      { pid: 20, memUsedBytes: 8 },
    ]);
  });

  it.each([
    ["the driver lacks the call", {}, [MPS]],
    ["the call is not supported", { [`error.${MPS}`]: 3 }, []],
    ["the call never worked", { [`error.${MPS}`]: 4 }, []],
  ])("leave the others as they are where %s", async (_name, error, without) => {
    const { collector } = await ready({ ...script, ...error }, { without });
    expect(pids(await collector.collect(AT))).toEqual([10]);
  });

  it("make half a list, hence none, where the call fails that has worked", async () => {
    const made = await ready(script);
    await made.collector.collect(AT);
    scriptNvmlStub(made.library, { ...script, [`error.${MPS}`]: 999 });
    made.clock.nowMs = 1000;
    expect(pids(await made.collector.collect(AT + 1000))).toBeUndefined();
  });
});

describe.skipIf(!compiler)(`how often processes are listed${suffix}`, () => {
  const COMPUTE = "nvmlDeviceGetComputeRunningProcesses_v3";

  it.each([
    [20, 13],
    [100, 12],
    [500, 12],
    [490, 12],
    [1000, 6],
  ])("with a tick every %s ms, that is %s times in 6 s", async (intervalMs, times) => {
    const made = await ready({ compute: "7:1" }, { settings: { intervalMs } });
    let lists = 0;
    let samples = 0;
    for (let nowMs = 0; nowMs < 6000; nowMs += intervalMs) {
      made.clock.nowMs = nowMs;
      const seen = await made.collector.collect(AT + nowMs);
      lists += of("processes", seen).length;
      samples += of("gpu", seen).length;
    }
    const use = made.calls("nvmlDeviceGetProcessUtilization");
    expect([lists, made.calls(COMPUTE), use]).toEqual([times, times, times]);
    expect(samples).toBe(Math.ceil(6000 / intervalMs));
  });

  it("does not follow the wall clock", async () => {
    const made = await ready({ compute: "7:1" });
    const lists = [];
    for (const stepMs of [0, 3_600_000, -3_600_000]) {
      lists.push(of("processes", await made.collector.collect(AT + stepMs)).length);
    }
    expect(lists).toEqual([1, 0, 0]);
  });
});
