import { describe, expect, it } from "vitest";
import type { OpenInstanceCounters } from "../../../src/collect/nvml/mig-device.ts";
import type { NvmlScript } from "../../support/nvml-stub.ts";
import { AT, compiler, of, ready, rig, suffix, type Rig } from "./rig.ts";

/** One card with two MIG devices, in places 0 and 3, each with a GPU instance of its own. */
const TWO: NvmlScript = {
  migMode: 1,
  "gpu0.memoryTotal": 40_536 * 2 ** 20,
  "gpu100.mig": "7:0",
  "gpu100.uuid": "MIG-a",
  "gpu100.name": "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
  "gpu100.memoryTotal": 4864 * 2 ** 20,
  "gpu100.memoryUsed": 1000,
  "gpu103.mig": "9:0",
  "gpu103.uuid": "MIG-b",
  "gpu103.name": "Something else",
  "gpu103.attributes": "3:1:20096",
  "gpu103.memoryTotal": 20_096 * 2 ** 20,
  "gpu103.memoryUsed": 2000,
};

/** Counters that say which card and GPU instance they were asked of. */
const countersOf =
  (log: string[]): OpenInstanceCounters =>
  (card, gpuInstanceId) => ({
    read: (nowMs) => {
      log.push(`${card.handle - 0x1000n}/${gpuInstanceId} at ${nowMs}`);
      return { gpuUtil: gpuInstanceId / 10, smActive: 0.25 };
    },
    close: () => log.push(`closed ${gpuInstanceId}`),
  });

const nodeOf = async (made: Rig) => of("node", await made.collector.collect(AT))[0];

describe.skipIf(!compiler)(`a card divided into MIG devices${suffix}`, () => {
  it("lists these as devices of their own, and not itself", async () => {
    const node = await nodeOf(await ready({ ...TWO, driver: "570.1" }));
    const card = {
      parentUuid: "GPU-stand-in-0",
      driverVersion: "570.1",
      measuredWith: { memUsedBytes: "nvmlDeviceGetMemoryInfo_v2" },
    };
    expect(node?.gpus).toEqual([
      {
        ...card,
        index: 100,
        uuid: "MIG-a",
        model: "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
        memoryTotalBytes: 4864 * 2 ** 20,
        pciBusId: "00000000:01:00.0",
        migProfile: "1g.5gb",
      },
      {
        ...card,
        index: 103,
        uuid: "MIG-b",
        model: "Something else",
        memoryTotalBytes: 20_096 * 2 ** 20,
        pciBusId: "00000000:01:00.0",
        migProfile: "1c.3g.20gb",
      },
    ]);
  });

  it("says so when it is opened", async () => {
    const opened = await rig(TWO).collector.open();
    expect(opened).toMatchObject({ detail: expect.stringContaining("103 Something else") });
  });

  it("stands beside cards that are not divided", async () => {
    const { migMode, ...rest } = TWO;
    const script = { ...rest, devices: 3, "gpu1.migMode": migMode ?? 1 };
    const moved = Object.entries(script).map(([key, value]) => [
      key.replace(/^gpu1(0\d)/, "gpu2$1"),
      value,
    ]);
    const made = await ready(Object.fromEntries(moved));
    expect((await nodeOf(made))?.gpus.map(({ index }) => index)).toEqual([0, 200, 203, 2]);
    const seen = await made.collector.collect(AT + 1000);
    expect(of("gpu", seen).map(({ gpu }) => gpu)).toEqual([0, 200, 203, 2]);
  });

  it.each([
    ["MIG is off", { migMode: 0 }],
    ["MIG is on without an instance", { migMode: 1 }],
    ["MIG is not supported", { "gpu100.mig": "1:0" }],
    ["it does not tell", { ...TWO, "error.nvmlDeviceGetMigMode": 999 }],
    [
      "it does not tell how many could be there",
      { ...TWO, "error.nvmlDeviceGetMaxMigDeviceCount": 999 },
    ],
    ["we may see none of them", { ...TWO, "error.nvmlDeviceGetMigDeviceHandleByIndex": 4 }],
  ])("is one device itself where %s", async (_name, script) => {
    expect((await nodeOf(await ready(script)))?.gpus).toMatchObject([{ index: 0 }]);
  });

  it("is one device itself with a driver that knows no MIG", async () => {
    const made = await ready(TWO, { without: ["nvmlDeviceGetMigMode"] });
    expect((await nodeOf(made))?.gpus).toMatchObject([{ index: 0 }]);
  });
});

describe.skipIf(!compiler)(`a MIG device${suffix}`, () => {
  it("tells its memory, and nothing that is the card's", async () => {
    const card = { power: 300_000, field186: 310_000, energy: 5, temperature: 60, util: 90 };
    const { collector } = await ready({ ...TWO, ...card });
    expect(of("gpu", await collector.collect(AT))).toEqual([
      { kind: "gpu", atMs: AT, gpu: 100, memUsedBytes: 1000 },
      { kind: "gpu", atMs: AT, gpu: 103, memUsedBytes: 2000 },
    ]);
  });

  it("tells the counters of its GPU instance, asked of the card", async () => {
    const log: string[] = [];
    const made = await ready(TWO, { openCounters: countersOf(log) });
    made.clock.nowMs = 5;
    expect(of("gpu", await made.collector.collect(AT))).toEqual([
      { kind: "gpu", atMs: AT, gpu: 100, memUsedBytes: 1000, gpuUtil: 0.7, smActive: 0.25 },
      { kind: "gpu", atMs: AT, gpu: 103, memUsedBytes: 2000, gpuUtil: 0.9, smActive: 0.25 },
    ]);
    expect(log).toEqual(["0/7 at 5", "0/9 at 5"]);
    await made.collector.close();
    expect(log.slice(2)).toEqual(["closed 7", "closed 9"]);
  });

  it("has no counters where it shares its GPU instance: they would count for both", async () => {
    const log: string[] = [];
    const shared = { ...TWO, "gpu101.mig": "7:1", "gpu101.uuid": "MIG-c" };
    const { collector } = await ready(shared, { openCounters: countersOf(log) });
    const util = of("gpu", await collector.collect(AT)).map(({ gpu, gpuUtil }) => [gpu, gpuUtil]);
    expect(util).toEqual([
      [100, undefined],
      [101, undefined],
      [103, 0.9],
    ]);
  });

  it("has no counters where its GPU instance is not told", async () => {
    const script = { ...TWO, "gpu100.error.nvmlDeviceGetGpuInstanceId": 999 };
    const { collector } = await ready(script, { openCounters: countersOf([]) });
    const util = of("gpu", await collector.collect(AT)).map(({ gpuUtil }) => gpuUtil);
    expect(util).toEqual([undefined, 0.9]);
  });

  it("names the processes of its own handle alone", async () => {
    const { collector } = await ready({
      ...TWO,
      "gpu0.compute": "1:1 2:2",
      "gpu100.compute": "1:10",
      "gpu103.compute": "2:20",
      "gpu103.graphics": "3:30",
    });
    const lists = of("processes", await collector.collect(AT)).map(({ gpu, list }) => [gpu, list]);
    expect(lists).toEqual([
      [100, [{ pid: 1, memUsedBytes: 10 }]],
      [
        103,
        [
          { pid: 2, memUsedBytes: 20 },
          { pid: 3, memUsedBytes: 30 },
        ],
      ],
    ]);
  });

  it("is not asked for what MIG lacks: the use and the accounts of processes, utilisation", async () => {
    const made = await ready({ ...TWO, accounting: 1 });
    for (const second of [0, 1]) {
      made.clock.nowMs = second * 1000;
      await made.collector.collect(AT + second * 1000);
    }
    const names = [
      "ProcessUtilization",
      "ProcessesUtilizationInfo",
      "UtilizationRates",
      "AccountingMode",
    ];
    for (const name of names) {
      for (const device of [0, 100, 103])
        expect(made.calls(`nvmlDeviceGet${name}`, device)).toBe(0);
    }
  });

  it("writes a hostile name and UUID so that they can be shown", async () => {
    const script = { ...TWO, "gpu100.name": "a\u001bb", "gpu100.uuid": "MIG-\u001b" };
    const { collector } = await ready(script);
    const seen = await collector.collect(AT);
    const [first] = of("node", seen)[0]?.gpus ?? [];
    expect([first?.model, first?.uuid]).toEqual(["a\\u{1b}b", "MIG-\\u{1b}"]);
    expect(of("gpu", seen)).toHaveLength(2);
  });
});
