import { describe, expect, it } from "vitest";
import { scriptNvmlStub, type NvmlScript } from "../../support/nvml-stub.ts";
import { AT, compiler, of, ready, suffix } from "./rig.ts";

const OLDER = "nvmlDeviceGetProcessUtilization";
const NEWER = "nvmlDeviceGetProcessesUtilizationInfo";

/** Reads once a second with samples of that moment, and says what process 7 used each time. */
const watch = async (script: NvmlScript, without: string[] = []) => {
  const made = await ready({}, { without });
  let second = 0;
  const reading = async (older: string | undefined, newer: string | undefined, util = 100) => {
    const atMs = AT + second * 1000;
    made.clock.nowMs = second * 1000;
    second += 1;
    scriptNvmlStub(made.library, {
      ...script,
      compute: "7:1",
      util,
      ...(older && { samples: `7:${atMs * 1000}:${older}` }),
      ...(newer && { newSamples: `7:${atMs * 1000}:${newer}` }),
    });
    return of("processes", await made.collector.collect(atMs))[0]?.list[0];
  };
  return { made, reading };
};

describe.skipIf(!compiler)(`the two calls for the use of processes${suffix}`, () => {
  const both = ["30:20:5:6", "90:80:7:8"] as const;
  const asOlder = { smUtil: 0.3, memUtil: 0.2, encUtil: 0.05, decUtil: 0.06 };
  const asNewer = { smUtil: 0.9, memUtil: 0.8, encUtil: 0.07, decUtil: 0.08 };

  it("are not mixed: the older one answers, and the newer one is not even asked", async () => {
    const { made, reading } = await watch({});
    for (let i = 0; i < 5; i++) expect(await reading(...both)).toMatchObject(asOlder);
    expect(made.calls(NEWER)).toBe(0);
  });

  it.each([
    ["not supported", { [`error.${OLDER}`]: 3 }, []],
    ["missing", {}, [OLDER]],
  ])("change at once where the older one is %s", async (_name, script, without) => {
    const { reading } = await watch(script, without);
    expect(await reading(...both)).toMatchObject(asNewer);
    expect(await reading(...both)).toMatchObject(asNewer);
  });

  it("do not change where the older one only failed", async () => {
    const { made, reading } = await watch({ [`error.${OLDER}`]: 999 });
    for (let i = 0; i < 5; i++) expect(await reading(...both)).not.toHaveProperty("smUtil");
    expect(made.calls(NEWER)).toBe(0);
  });

  it.each([
    ["0 for everybody", "0:0"],
    ["nothing of anybody", undefined],
  ])("change at the third reading of a busy device with %s, for good", async (_name, older) => {
    const { made, reading } = await watch({});
    const seen = [];
    for (let i = 0; i < 5; i++) seen.push((await reading(older, both[1], 50))?.smUtil ?? 0);
    expect(seen).toEqual([0, 0, 0.9, 0.9, 0.9]);
    const asked = made.calls(OLDER);
    expect(await reading(...both)).toMatchObject(asNewer);
    expect(made.calls(OLDER)).toBe(asked);
  });

  it.each([
    ["the device is less than half used", 49, "0:0", "90:0"],
    ["the newer one has nothing but zeros either", 100, "0:0", "0:0"],
    ["the newer one knows nobody", 100, "0:0", undefined],
  ])("do not change where %s", async (_name, util, older, newer) => {
    const { reading } = await watch({});
    for (let i = 0; i < 7; i++) expect((await reading(older, newer, util))?.smUtil).toBe(0);
    expect((await reading("30:0", "90:0", util))?.smUtil).toBe(0.3);
  });

  it("do not change where the older one works from time to time", async () => {
    const { made, reading } = await watch({});
    for (let i = 0; i < 4; i++) {
      for (const older of ["0:0", "0:0", "30:0"]) await reading(older, "90:0");
    }
    expect(made.calls(NEWER)).toBe(0);
  });

  it("cost little where neither works", async () => {
    const { made, reading } = await watch({ [`error.${OLDER}`]: 3 }, [NEWER]);
    for (let i = 0; i < 5; i++) expect(await reading(...both)).not.toHaveProperty("smUtil");
    expect([made.calls(OLDER), made.calls(NEWER)]).toEqual([1, 0]);
  });

  it("have room for many processes, and drop what is over 100 %", async () => {
    const made = await ready({}, { without: [OLDER] });
    const entries = Array.from({ length: 150 }, (_, i) => `${i + 1}:${AT * 1000}:${i}:1`);
    scriptNvmlStub(made.library, { newSamples: entries.join(" ") });
    const list = of("processes", await made.collector.collect(AT))[0]?.list ?? [];
    expect(list).toHaveLength(150);
    expect(list[100]).toMatchObject({ pid: 101, smUtil: 1 });
    expect(list[101]).toEqual({ pid: 102, memUtil: 0.01, encUtil: 0, decUtil: 0 });
  });

  it("have no sample believed twice that the newer one hands out again", async () => {
    const made = await ready({}, { without: [OLDER] });
    const use = async (offsetMs: number, sampleMs: number) => {
      made.clock.nowMs += 1000;
      const newSamples = `7:${(AT + sampleMs) * 1000}:50:0`;
      scriptNvmlStub(made.library, { compute: "7:1", newSamples });
      const seen = await made.collector.collect(AT + offsetMs);
      return of("processes", seen)[0]?.list[0]?.smUtil;
    };
    expect(await use(0, 0)).toBe(0.5);
    expect(await use(1000, 0)).toBeUndefined();
    expect(await use(2000, 1500)).toBe(0.5);
  });

  it.each([
    [2000, 0.5],
    [2001, undefined],
  ])("have a sample from %s ms ahead read as %s", async (aheadMs, expected) => {
    const samples = `7:${(AT + aheadMs) * 1000}:50:0`;
    const made = await ready({ compute: "7:1", samples });
    expect(of("processes", await made.collector.collect(AT))[0]?.list[0]?.smUtil).toBe(expected);
  });
});
