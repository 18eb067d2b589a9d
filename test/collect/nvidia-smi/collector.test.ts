import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createNvidiaSmiCollector } from "../../../src/collect/nvidia-smi/collector.ts";
import { AT, next, of, ready, rig } from "./rig.ts";
import { APPS_HEADER, BUSY, type Script, until } from "./stand-in.ts";
import { temporaryFolder } from "../../support/temporary.ts";

describe("opening", () => {
  it("is absent where there is no nvidia-smi", async () => {
    const settings = { node: "n1", intervalMs: 50, path: "/no/such/nvidia-smi" };
    const collector = createNvidiaSmiCollector(settings, { monotonicMs: () => 0 });
    expect(await collector.open()).toEqual({
      status: "absent",
      reason: "/no/such/nvidia-smi not found",
      hint: expect.stringContaining("driver"),
    });
  });

  it.each([
    ["NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", /not loaded/],
    ["No devices were found", /no device/],
  ])("is absent where it says: %s", async (list, reason) => {
    const found = await rig({ list, listCode: 9 }).collector.open();
    expect(found).toMatchObject({ status: "absent", reason: expect.stringMatching(reason) });
  });

  it("fails where driver and library differ, and says what to do", async () => {
    const list = "Failed to initialize NVML: Driver/library version mismatch\n";
    await expect(rig({ list, listCode: 18 }).collector.open()).rejects.toMatchObject({
      code: "smi/failed",
      message: expect.stringContaining("exit code 18: Failed to initialize NVML"),
      hint: expect.stringContaining("reboot"),
    });
  });

  it("fails where the file cannot be run", async () => {
    const path = join(temporaryFolder("nvidia-smi"), "nvidia-smi");
    writeFileSync(path, "not executable");
    const settings = { node: "n1", intervalMs: 50, path };
    const collector = createNvidiaSmiCollector(settings, { monotonicMs: () => 0 });
    await expect(collector.open()).rejects.toThrow(/EACCES/);
  });

  it("fails where nvidia-smi ends before the first row", async () => {
    await expect(rig({ loop: "die" }).collector.open()).rejects.toThrow(/exit code 9/);
  });

  it("watches the GPUs that answer where another one has fallen off the bus", async () => {
    const lost = "Unable to determine the device handle for gpu 0000:41:00.0: GPU is lost.";
    const list = `${lost}\nGPU 1: NVIDIA Stand-in (UUID: GPU-1)\n`;
    const gpus = [{ ...BUSY, index: "1", uuid: "GPU-1" }];
    const { collector } = rig({ list, listCode: 15, gpus });
    expect(await collector.open()).toMatchObject({
      status: "ready",
      detail: expect.stringContaining("GPU is lost"),
    });
    expect(of("gpu", await collector.collect(AT)).map(({ gpu }) => gpu)).toEqual([1]);
  });

  it("goes without the columns that the driver does not know, and by their older names", async () => {
    const unknown = ["power.draw.instant", "clocks_event_reasons.active", "utilization.ofa"];
    const gpu = { ...BUSY, "clocks_throttle_reasons.active": "0x0000000000000001" };
    const made = await ready({ unknown, gpus: [gpu] });
    const seen = await made.collector.collect(AT);
    expect(of("gpu", seen)[0]).toMatchObject({ powerWatts: 300, clockEventReasons: 1 });
    expect(of("node", seen)[0]?.gpus[0]?.measuredWith).toMatchObject({
      powerWatts: "nvidia-smi power.draw",
      clockEventReasons: "nvidia-smi clocks_throttle_reasons.active",
      gpuUtil: "nvidia-smi utilization.gpu",
    });
  });

  it("fails where the driver does not even know what a UUID is", async () => {
    await expect(rig({ unknown: ["uuid"] }).collector.open()).rejects.toThrow(/"uuid" is not/);
  });

  it("can be closed without open, and twice", async () => {
    const { collector } = rig();
    await collector.close();
    await expect(collector.close()).resolves.toBeUndefined();
  });
});

describe("readings", () => {
  it("come after the devices, in the units of the model", async () => {
    const { collector } = await ready();
    const [node, sample, ...rest] = await collector.collect(AT);
    expect(node).toMatchObject({ kind: "node", node: "n1", source: "nvidia-smi", intervalMs: 50 });
    expect(of("node", node ? [node] : [])[0]?.gpus).toEqual([
      {
        index: 0,
        uuid: "GPU-0",
        model: "NVIDIA Stand-in 80GB",
        memoryTotalBytes: 81_559 * 1024 * 1024,
        powerLimitWatts: 700,
        pciBusId: "00000000:01:00.0",
        driverVersion: "550.54.15",
        measuredWith: expect.objectContaining({ powerWatts: "nvidia-smi power.draw.instant" }),
      },
    ]);
    expect(sample).toEqual({
      kind: "gpu",
      atMs: AT,
      gpu: 0,
      gpuUtil: 0.87,
      memUtil: 0.4,
      encUtil: 0,
      memUsedBytes: 1024 * 1024 * 1024,
      powerWatts: 310.5,
      tempC: 65,
      smClockMHz: 1980,
      memClockMHz: 2619,
      clockEventReasons: 4,
    });
    expect(rest).toEqual([{ kind: "processes", atMs: AT, gpu: 0, list: [] }]);
  });

  it("are handed out once: a tick without a new row has none", async () => {
    const made = await ready({}, 60_000);
    expect(of("gpu", await made.collector.collect(AT))).toHaveLength(1);
    expect(await made.collector.collect(AT + 1000)).toEqual([]);
  });

  it("go on with every row, without telling of the devices again", async () => {
    const made = await ready();
    await made.collector.collect(AT);
    made.smi.script({ gpus: [{ ...BUSY, "utilization.gpu": "12" }] });
    const later = await until(async () => {
      const seen = await made.collector.collect(AT + 1000);
      expect(of("node", seen)).toEqual([]);
      return of("gpu", seen).find(({ gpuUtil }) => gpuUtil === 0.12);
    });
    expect(later.atMs).toBe(AT + 1000);
  });

  it("of a device that must be reset are not measured, and not zero", async () => {
    const reset = Object.fromEntries(
      Object.entries(BUSY).map(([name, cell]) =>
        ["index", "uuid", "name"].includes(name) ? [name, cell] : [name, "[GPU requires reset]"],
      ),
    );
    const made = await ready({ gpus: [reset] });
    expect(of("gpu", await made.collector.collect(AT))).toEqual([
      { kind: "gpu", atMs: AT, gpu: 0 },
    ]);
  });

  it("are read past lines that are no rows", async () => {
    const made = await ready();
    await made.collector.collect(AT);
    made.smi.script({ loop: { raw: "a message\n0, GPU-0\n\n" } });
    made.smi.script({ loop: "rows" });
    expect(await next(made, "gpu")).toMatchObject({ gpuUtil: 0.87 });
  });

  it("tell of a GPU that appears once it is listed", async () => {
    const made = await ready();
    await made.collector.collect(AT);
    const second = { ...BUSY, index: "1", uuid: "GPU-1" };
    const list = "GPU 0: A (UUID: GPU-0)\nGPU 1: A (UUID: GPU-1)\n";
    made.smi.script({ list, gpus: [BUSY, second] });
    made.clock.ms = 5000;
    const node = await next(made, "node");
    expect(node.gpus.map(({ uuid }) => uuid)).toEqual(["GPU-0", "GPU-1"]);
  });
});

describe("processes", () => {
  const rows = "GPU-0, 4100, 512\nGPU-0, 4200, [N/A]\n";

  it("are listed by GPU, with the memory that the driver tells", async () => {
    const made = await ready({ apps: APPS_HEADER + rows });
    expect(of("processes", await made.collector.collect(AT))).toEqual([
      {
        kind: "processes",
        atMs: AT,
        gpu: 0,
        list: [{ pid: 4100, memUsedBytes: 512 * 1024 * 1024 }, { pid: 4200 }],
      },
    ]);
  });

  it.each<[string, Script]>([
    ["a run that failed", { apps: APPS_HEADER, appsCode: 1 }],
    ["a run that printed nothing", { apps: "" }],
    ["a list with a line that cannot be read", { apps: `${APPS_HEADER}what is this\n` }],
    ["a process whose id is not told", { apps: `${APPS_HEADER}GPU-0, [N/A], 5\n` }],
  ])("are unknown, and not nobody, after %s", async (_, script) => {
    const made = await ready(script);
    const seen = await made.collector.collect(AT);
    expect(of("gpu", seen)).toHaveLength(1);
    expect(of("processes", seen)).toEqual([]);
  });

  it("are asked for each 5 s and no more often", async () => {
    const made = await ready();
    const runs = (): number =>
      made.smi.calls().filter(({ args }) => args.includes("--query-compute-apps")).length;
    await made.collector.collect(AT);
    made.clock.ms = 4999;
    made.smi.script({ apps: APPS_HEADER + rows });
    await next(made, "gpu");
    expect(runs()).toBe(1);
    made.clock.ms = 5000;
    expect((await next(made, "processes", AT + 5000)).list).toHaveLength(2);
    expect(runs()).toBe(2);
  });
});

describe("a GPU that is split into MIG devices", () => {
  const list = [
    "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-0)",
    "  MIG 3g.20gb     Device  0: (UUID: MIG-aaaa)",
    "  MIG 1g.5gb      Device  1: (UUID: MIG-bbbb)",
    "GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-1)",
    "",
  ].join("\n");
  const split = { ...BUSY, "mig.mode.current": "Enabled", "utilization.gpu": "[N/A]" };
  const whole = { ...BUSY, index: "1", uuid: "GPU-1" };
  const gpus = [split, whole];

  it("is not a device itself: they are, and the other GPU is whole", async () => {
    const made = await ready({ list, gpus });
    const seen = await made.collector.collect(AT);
    expect(of("node", seen)[0]?.gpus).toMatchObject([
      { index: 100, uuid: "MIG-aaaa", parentUuid: "GPU-0", migProfile: "3g.20gb" },
      { index: 101, uuid: "MIG-bbbb", parentUuid: "GPU-0", migProfile: "1g.5gb" },
      { index: 1, uuid: "GPU-1" },
    ]);
    expect(of("gpu", seen)).toEqual([
      { kind: "gpu", atMs: AT, gpu: 100 },
      { kind: "gpu", atMs: AT, gpu: 101 },
      expect.objectContaining({ gpu: 1, gpuUtil: 0.87 }),
    ]);
  });

  it("gives each its own processes", async () => {
    const made = await ready({ list, gpus, apps: `${APPS_HEADER}MIG-bbbb, 7, 5\n` });
    const lists = of("processes", await made.collector.collect(AT));
    expect(lists.map(({ gpu, list: { length } }) => [gpu, length])).toEqual([
      [100, 0],
      [101, 1],
      [1, 0],
    ]);
  });

  it("says nothing of who is on them where the driver only names the GPU", async () => {
    const made = await ready({ list, gpus, apps: `${APPS_HEADER}GPU-0, 7, 5\n` });
    const lists = of("processes", await made.collector.collect(AT));
    expect(lists.map(({ gpu }) => gpu)).toEqual([1]);
  });

  it("is looked at again each minute, since MIG devices come and go", async () => {
    const made = await ready({ list, gpus });
    await made.collector.collect(AT);
    made.smi.script({ list: list.replace(/\n.*MIG-bbbb\)/, "") });
    made.clock.ms = 60_000;
    // The clock jumped: rows have to come before the silence is noticed.
    await new Promise((resolve) => setTimeout(resolve, 150));
    const node = await next(made, "node");
    expect(node.gpus.map(({ uuid }) => uuid)).toEqual(["MIG-aaaa", "GPU-1"]);
  });
});
