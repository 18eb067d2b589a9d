import { describe, expect, it } from "vitest";
import { scriptNvmlStub, type NvmlScript } from "../../support/nvml-stub.ts";
import { AT, compiler, of, ready, suffix, type Rig } from "./rig.ts";

const MODE = "nvmlDeviceGetAccountingMode";
const PIDS = "nvmlDeviceGetAccountingPids";
const STATS = "nvmlDeviceGetAccountingStats";

/** `account.…` of a process that lived from one second of the test to another, with all of the GPU. */
const lived = (from: number, to: number, percent = 100) =>
  `${percent}:${Math.round((to - from) * 1000)}:${(AT + Math.round(from * 1000)) * 1000}:0`;

const tick = async (made: Rig, second: number, script: NvmlScript) => {
  scriptNvmlStub(made.library, script);
  made.clock.nowMs = second * 1000;
  return of("processes", await made.collector.collect(AT + second * 1000))[0]?.list;
};

describe.skipIf(!compiler)(`a process that begins and ends between two lists${suffix}`, () => {
  const before = { accounting: 1, accountingPids: "5" };
  const after = { accounting: 1, accountingPids: "5 7", "account.7": lived(0.2, 0.7, 80) };
  const gone = { pid: 7, startTimeMs: AT + 200, smUtil: 0.4, exited: true };

  it("is told once, with the share of the time that it had", async () => {
    const made = await ready(before);
    expect(await tick(made, 0, before)).toEqual([]);
    expect(await tick(made, 1, after)).toEqual([gone]);
    expect(await tick(made, 2, after)).toEqual([]);
  });

  it("is not told where the driver keeps no books, and none are begun", async () => {
    const made = await ready({ ...before, accounting: 0 });
    await tick(made, 0, { ...before, accounting: 0 });
    expect(await tick(made, 1, { ...after, accounting: 0 })).toEqual([]);
    expect([made.calls(PIDS), made.calls(STATS)]).toEqual([0, 0]);
  });

  it("stands among those who are there, in the order of the pids", async () => {
    const made = await ready(before);
    const there = { compute: "6:1 9:1" };
    await tick(made, 0, { ...before, ...there });
    const list = await tick(made, 1, { ...after, ...there });
    expect(list).toEqual([{ pid: 6, memUsedBytes: 1 }, gone, { pid: 9, memUsedBytes: 1 }]);
  });

  it("is one entry with its measured use where the samples named it too", async () => {
    const made = await ready(before);
    await tick(made, 0, before);
    const samples = `7:${(AT + 700) * 1000}:55:10`;
    const list = await tick(made, 1, { ...after, samples });
    expect(list).toMatchObject([{ pid: 7, startTimeMs: AT + 200, smUtil: 0.55, exited: true }]);
  });

  it("is not told where the list before had named it: its use is told there", async () => {
    const made = await ready(before);
    await tick(made, 0, before);
    await tick(made, 1, { ...before, compute: "7:1", accountingPids: "5 7" });
    expect(await tick(made, 2, { ...after, "account.7": lived(0.2, 1.7) })).toEqual([]);
    expect(made.calls(STATS)).toBe(1);
  });

  it("is told once it has ended, where it ran when the books were read", async () => {
    const made = await ready(before);
    await tick(made, 0, before);
    const start = (AT + 900) * 1000;
    expect(await tick(made, 1, { ...after, "account.7": `0:0:${start}:1` })).toEqual([]);
    expect(await tick(made, 2, { ...after, "account.7": lived(0.9, 1.5, 50) })).toEqual([
      { pid: 7, startTimeMs: AT + 900, smUtil: 0.25, exited: true },
    ]);
  });

  it("is another process than an earlier one of its pid", async () => {
    const made = await ready(before);
    await tick(made, 0, before);
    expect(await tick(made, 1, after)).toEqual([gone]);
    const again = { ...after, accountingPids: "5 8 7", "account.7": lived(1.5, 1.75) };
    expect(await tick(made, 2, again)).toEqual([
      { pid: 7, startTimeMs: AT + 1500, smUtil: 0.25, exited: true },
    ]);
  });

  it("is not told of a stretch that nobody watched: before the first list, and long ago", async () => {
    const made = await ready(before);
    expect(await tick(made, 0, { ...after, "account.7": lived(-0.5, -0.1) })).toEqual([]);
    const late = { ...after, accountingPids: "5 7 9", "account.9": lived(100, 101) };
    expect(await tick(made, 600, late)).toEqual([]);
  });

  it("is told in its own time where the wall clock was set ahead between the lists", async () => {
    const made = await ready(before);
    await tick(made, 0, before);
    scriptNvmlStub(made.library, { ...after, "account.7": lived(3600.2, 3600.7) });
    made.clock.nowMs = 1000;
    const seen = await made.collector.collect(AT + 3_601_000);
    expect(of("processes", seen)[0]?.list).toMatchObject([{ pid: 7, smUtil: 0.5 }]);
  });
});

describe.skipIf(!compiler)(`the cost of the driver's books${suffix}`, () => {
  it("is one call a list, however many are in them, and one more for each new process", async () => {
    const full = { accounting: 1, accountingPids: "1000-4999" };
    const made = await ready(full);
    for (let second = 0; second < 5; second++) await tick(made, second, full);
    // The first call only asks how many there are.
    expect([made.calls(PIDS), made.calls(STATS)]).toEqual([6, 0]);
    await tick(made, 5, { ...full, accountingPids: "1001-5000" });
    // The oldest gave way: its neighbour is asked for too.
    expect([made.calls(PIDS), made.calls(STATS)]).toEqual([7, 2]);
    await tick(made, 6, { ...full, accountingPids: "1001-5000" });
    expect([made.calls(PIDS), made.calls(STATS)]).toEqual([8, 2]);
  });

  it("is bounded where all of them are new at once", async () => {
    const made = await ready({ accounting: 1 });
    await tick(made, 0, { accounting: 1 });
    for (const second of [1, 2, 3]) {
      await tick(made, second, { accounting: 1, accountingPids: "1000-1599" });
    }
    expect(made.calls(STATS)).toBe(600);
    await tick(made, 4, { accounting: 1, accountingPids: "2000-2299" });
    expect(made.calls(STATS)).toBe(600 + 256);
  });

  it.each([
    ["1-4096", 1],
    ["1-4097", 0],
  ])("is spared where the driver claims %s", async (accountingPids, told) => {
    const made = await ready({ accounting: 1, accountingPids });
    await tick(made, 0, { accounting: 1, accountingPids });
    const more = `${accountingPids.replace("1-", "2-")} 9000`;
    const list = await tick(made, 1, {
      accounting: 1,
      accountingPids: more,
      "account.9000": lived(0.2, 0.7),
    });
    expect(list?.length).toBe(told);
  });

  it("is one look at the mode a minute, by which it is noticed that it changed", async () => {
    const made = await ready({ accounting: 0 });
    for (let second = 0; second < 60; second++) await tick(made, second, { accounting: 0 });
    expect(made.calls(MODE)).toBe(1);
    const on = { accounting: 1, accountingPids: "5" };
    await tick(made, 60, on);
    const list = await tick(made, 61, {
      ...on,
      accountingPids: "5 7",
      "account.7": lived(60.5, 61),
    });
    expect(list).toMatchObject([{ pid: 7, exited: true }]);
    await tick(made, 120, { accounting: 0 });
    const asked = made.calls(PIDS);
    await tick(made, 121, { accounting: 0 });
    expect([made.calls(MODE), made.calls(PIDS)]).toEqual([3, asked]);
  });

  it.each([
    ["not supported", { [`error.${MODE}`]: 3 }, []],
    ["missing", {}, [MODE]],
  ])("is nothing where the mode is %s", async (_name, script, without) => {
    const made = await ready(script, { without });
    for (const second of [0, 61, 122]) await tick(made, second, script);
    expect(made.calls(MODE)).toBe(without.length > 0 ? 0 : 1);
    expect(made.calls(PIDS)).toBe(0);
  });
});
