import { describe, expect, it } from "vitest";
import { SOURCES } from "../../../src/collect/drm/sources.ts";
import { arc, battlemage, GIB, instinct, management, radeon } from "./cards.ts";
import { rig } from "./rig.ts";
import { metricsTable } from "./tree.ts";

const RADEON = "sys/devices/pci0000:00/0000:03:00.0";

describe("a Radeon", () => {
  it("is announced with what it is and which files tell of it", async () => {
    const { collector, tick } = rig(radeon());
    await collector.open();
    expect((await tick()).node).toEqual({
      kind: "node",
      atMs: expect.any(Number),
      node: "node-1",
      source: "amdgpu",
      simulated: false,
      intervalMs: 1000,
      gpus: [
        {
          index: 0,
          uuid: "AMD-4f5c0e1d2c3b4a03",
          model: "AMD GPU 1002:744c",
          pciBusId: "0000:03:00.0",
          memoryTotalBytes: 24 * GIB,
          powerLimitWatts: 339,
          measuredWith: {
            gpuUtil: "gpu_busy_percent",
            memUtil: "mem_busy_percent",
            memUsedBytes: "mem_info_vram_used",
            powerWatts: "hwmon/power1_average",
            tempC: "hwmon/temp1_input",
            smClockMHz: "hwmon/freq1_input",
            memClockMHz: "hwmon/freq2_input",
          },
        },
      ],
    });
  });

  it("is read in the model's units, without the counter whose unit is not documented", async () => {
    const { collector, tick } = rig(radeon());
    await collector.open();
    expect((await tick()).gpus).toEqual([
      {
        gpu: 0,
        gpuUtil: 0.97,
        memUtil: 0.41,
        memUsedBytes: 3 * GIB,
        powerWatts: 303,
        tempC: 62,
        smClockMHz: 2482,
        memClockMHz: 1249,
      },
    ]);
  });

  it("is announced once, and again when its power limit was changed", async () => {
    const { collector, tick, tree } = rig(radeon());
    await collector.open();
    await tick();
    expect((await tick(10_000)).node).toBeUndefined();
    tree.write(`${RADEON}/hwmon/hwmon4/power1_cap`, "250000000\n");
    expect((await tick(10_000)).node?.gpus[0]?.powerLimitWatts).toBe(250);
  });

  it("tells its clock by the level in use where it has no sensor for it", async () => {
    const { collector, tick, tree } = rig(radeon());
    tree.remove(`${RADEON}/hwmon/hwmon4/freq1_input`);
    await collector.open();
    const seen = await tick();
    expect(seen.gpus[0]?.smClockMHz).toBe(2371);
    expect(seen.node?.gpus[0]?.measuredWith?.smClockMHz).toBe("pp_dpm_sclk");
  });

  it("never has `pcie_bw` read: that file makes its reader wait", () => {
    const files = Object.values(SOURCES).flatMap((sources) => sources.map(({ file }) => file));
    expect(files).toContain("gpu_busy_percent");
    expect(files).not.toContain("pcie_bw");
  });
});

describe("an Instinct", () => {
  it("tells the power right now, its hottest spot and its energy", async () => {
    const { collector, tick } = rig(instinct());
    await collector.open();
    const seen = await tick();
    expect(seen.gpus).toEqual([
      {
        gpu: 0,
        gpuUtil: 1,
        memUtil: 0.55,
        memUsedBytes: 150 * GIB,
        powerWatts: 688,
        energyJoules: 5000,
        tempC: 74,
        smClockMHz: 2100,
      },
    ]);
    expect(seen.node?.gpus[0]).toMatchObject({
      model: "AMD GPU 1002:74a1",
      powerLimitWatts: 750,
      measuredWith: {
        powerWatts: "hwmon/power1_input",
        tempC: "hwmon/temp2_input",
        energyJoules: "gpu_metrics 1.4",
      },
    });
  });

  it("loses its energy, and nothing else, when the driver fills that field with ones", async () => {
    const { collector, tick, tree } = rig(instinct());
    await collector.open();
    await tick();
    const path = "sys/devices/pci0000:00/0000:c1:00.0/gpu_metrics";
    tree.write(path, metricsTable(4, 288, 24, 2n ** 64n - 1n));
    const [gpu] = (await tick()).gpus;
    expect(gpu).not.toHaveProperty("energyJoules");
    expect(gpu).toHaveProperty("powerWatts", 688);
  });
});

describe("an Arc", () => {
  it("tells its energy, its clock and its rated power limit where none is set", async () => {
    const { collector, tick } = rig(arc());
    await collector.open();
    const seen = await tick();
    expect(seen.gpus).toEqual([{ gpu: 0, gpuUtil: 0, energyJoules: 123.456789, smClockMHz: 2400 }]);
    expect(seen.node?.source).toBe("i915");
    expect(seen.node?.gpus[0]).toEqual({
      index: 0,
      uuid: "PCI-8086:56a0-0000:03:00.0",
      model: "Intel GPU 8086:56a0",
      pciBusId: "0000:03:00.0",
      powerLimitWatts: 190,
      measuredWith: {
        gpuUtil: "/proc/PID/fdinfo of all processes",
        energyJoules: "hwmon/energy1_input",
        smClockMHz: "gt/gt0/rps_act_freq_mhz",
      },
    });
  });

  it("has its clock in the older place, too", async () => {
    const { collector, tick, tree } = rig(arc());
    tree.remove("sys/devices/pci0000:00/0000:03:00.0/drm/card0/gt");
    await collector.open();
    expect((await tick()).gpus[0]?.smClockMHz).toBe(2000);
  });
});

describe("a Battlemage", () => {
  it("tells the card's energy, the package's temperature and the first tile's clock", async () => {
    const { collector, tick } = rig(battlemage());
    await collector.open();
    const seen = await tick();
    expect(seen.gpus).toEqual([
      { gpu: 0, gpuUtil: 0, energyJoules: 5, tempC: 48, smClockMHz: 2850 },
    ]);
    expect(seen.node?.gpus[0]?.powerLimitWatts).toBe(200);
  });

  it("tells the package's energy where the card's is not measured", async () => {
    const { collector, tick, tree } = rig(battlemage());
    tree.remove("sys/devices/pci0000:00/0000:04:00.0/hwmon/hwmon6/energy1_input");
    await collector.open();
    const seen = await tick();
    expect(seen.gpus[0]?.energyJoules).toBe(4);
    expect(seen.node?.gpus[0]?.measuredWith?.energyJoules).toBe("hwmon/energy2_input");
  });
});

describe("a node", () => {
  it("numbers its cards by their place, and leaves out the management display", async () => {
    const cards = [
      battlemage("0000:84:00.0", 0),
      instinct("0000:05:00.0", 3),
      arc("0000:44:00.0", 1),
    ];
    const { collector, tick } = rig(management(), ...cards);
    const opened = await collector.open();
    expect(opened).toEqual({
      status: "ready",
      detail: "0 AMD GPU 1002:74a1; 1 Intel GPU 8086:56a0; 2 Intel GPU 8086:e20b",
    });
    const seen = await tick();
    expect(seen.node?.source).toBe("amdgpu+i915+xe");
    expect(seen.node?.gpus.map(({ pciBusId }) => pciBusId)).toEqual([
      "0000:05:00.0",
      "0000:44:00.0",
      "0000:84:00.0",
    ]);
    expect(seen.gpus.map(({ gpu }) => gpu)).toEqual([0, 1, 2]);
    expect(seen.all[0]?.kind).toBe("node");
  });

  it.each([
    ["only a management display", [management()]],
    ["no card", []],
  ])("with %s has no such device", async (_, cards) => {
    const { collector } = rig(...cards);
    expect(await collector.open()).toEqual({
      status: "absent",
      reason: "no card of the drivers amdgpu, i915 or xe",
    });
  });

  it("without /sys has no such device", async () => {
    const { collector, tree } = rig(radeon());
    tree.remove("sys");
    expect((await collector.open()).status).toBe("absent");
  });
});

describe("names of a card", () => {
  it("come from the card, made safe to show", async () => {
    const { collector, tick, tree } = rig(radeon());
    tree.write(`${RADEON}/product_name`, "Radeon\u001B[31m RX 7900 XTX\n");
    tree.write("sys/module/amdgpu/version", "6.8.5\n");
    const opened = await collector.open();
    const [gpu] = (await tick()).node?.gpus ?? [];
    expect(gpu?.model).toBe("Radeon\\u{1b}[31m RX 7900 XTX");
    expect(gpu?.driverVersion).toBe("6.8.5");
    expect(opened).toMatchObject({ detail: "0 Radeon\\u{1b}[31m RX 7900 XTX 6.8.5" });
  });

  it.each([
    ["4f5c0e1d2c3b4a03", "AMD-4f5c0e1d2c3b4a03"],
    ["0000000000000000", "PCI-1002:744c-0000:03:00.0"],
    ["../../etc", "PCI-1002:744c-0000:03:00.0"],
  ])("of the id %j make %s", async (id, uuid) => {
    const { collector, tick, tree } = rig(radeon());
    tree.write(`${RADEON}/unique_id`, `${id}\n`);
    await collector.open();
    expect((await tick()).node?.gpus[0]?.uuid).toBe(uuid);
  });

  it("stay apart where two cards claim the same id", async () => {
    const { collector, tick, tree } = rig(radeon(), radeon("0000:23:00.0", 1));
    tree.write("sys/devices/pci0000:00/0000:23:00.0/unique_id", "4f5c0e1d2c3b4a03\n");
    await collector.open();
    const uuids = (await tick()).node?.gpus.map(({ uuid }) => uuid);
    expect(uuids).toEqual([
      "AMD-4f5c0e1d2c3b4a03-0000:03:00.0",
      "AMD-4f5c0e1d2c3b4a03-0000:23:00.0",
    ]);
  });
});
