import { describe, expect, it } from "vitest";
import { scriptNvmlStub, type NvmlScript } from "../../support/nvml-stub.ts";
import { AT, compiler, of, ready, suffix } from "./rig.ts";

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
      return of("processes", await made.collector.collect(atMs))[0]?.list.map(({ smUtil }) => smUtil);
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
