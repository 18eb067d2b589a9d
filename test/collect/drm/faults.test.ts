import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { arc, arcClient, battlemage, instinct, opened, radeon, radeonClient } from "./cards.ts";
import { rig } from "./rig.ts";

const RADEON = "sys/devices/pci0000:00/0000:03:00.0";
const HWMON = `${RADEON}/hwmon/hwmon4`;

describe("a file that goes bad", () => {
  it.each([
    ["gpu_busy_percent", "gpuUtil", "97", ["101000", "-1", "", "none", "0x61", "4294967295"]],
    ["mem_busy_percent", "memUtil", "41", ["65535", "nan"]],
    ["mem_info_vram_used", "memUsedBytes", "1024", ["18446744073709551615", "-4096"]],
    ["hwmon/hwmon4/power1_average", "powerWatts", "303000000", ["65535000000", "-1", "1e9"]],
    ["hwmon/hwmon4/temp1_input", "tempC", "-5000", ["65535000", "-100000"]],
    ["hwmon/hwmon4/freq1_input", "smClockMHz", "0", ["65535000000", "4294967295"]],
  ])("%s: %s is measured by %s, and not by %j", async (file, quantity, good, bad) => {
    const { collector, tick, tree } = rig(radeon());
    await collector.open();
    const [all] = (await tick()).gpus;
    tree.write(`${RADEON}/${file}`, `${good}\n`);
    expect((await tick()).gpus[0]).toHaveProperty(quantity);
    for (const text of bad) {
      tree.write(`${RADEON}/${file}`, `${text}\n`);
      const [gpu] = (await tick()).gpus;
      expect(gpu).not.toHaveProperty(quantity);
      expect(Object.keys(gpu ?? {})).toHaveLength(Object.keys(all ?? {}).length - 1);
    }
  });

  it("costs one quantity where it is gone, or fails to be read, and comes back", async () => {
    const { collector, tick, tree } = rig(radeon());
    await collector.open();
    await tick();
    tree.remove(`${HWMON}/power1_average`);
    expect((await tick()).gpus[0]).not.toHaveProperty("powerWatts");
    // A folder opens, and its reading fails.
    mkdirSync(join(tree.root, `${HWMON}/power1_average`));
    expect((await tick(10_000)).gpus[0]).not.toHaveProperty("powerWatts");
    tree.remove(`${HWMON}/power1_average`);
    tree.write(`${HWMON}/power1_average`, "99000000\n");
    const back = await tick();
    expect(back.gpus[0]).toHaveProperty("powerWatts", 99);
    expect(back.gaps).toEqual([]);
  });

  it("and has a second best is not replaced by it, whose figures mean something else", async () => {
    const { collector, tick, tree } = rig(instinct());
    const path = "sys/devices/pci0000:00/0000:c1:00.0/hwmon/hwmon10/power1_input";
    await collector.open();
    await tick();
    tree.write(path, "busy\n");
    expect((await tick(10_000)).gpus[0]).not.toHaveProperty("powerWatts");
    tree.write(path, "500000000\n");
    expect((await tick()).gpus[0]).toHaveProperty("powerWatts", 500);
  });

  it("that is more than a page long is not read to its end", async () => {
    const { collector, tick, tree } = rig(radeon());
    tree.write(`${RADEON}/gpu_busy_percent`, `${"1".repeat(100_000)}\n`);
    tree.write(`${RADEON}/product_name`, "x".repeat(100_000));
    await collector.open();
    const seen = await tick();
    expect(seen.gpus[0]).not.toHaveProperty("gpuUtil");
    expect(seen.node?.gpus[0]?.model).toHaveLength(129);
  });
});

describe("a sleeping card", () => {
  it("is idle, and is asked for nothing that would wake it", async () => {
    const { collector, tick, tree } = rig({ ...radeon(), asleep: true });
    await collector.open();
    const asleep = await tick();
    expect(asleep.gpus).toEqual([{ gpu: 0, gpuUtil: 0 }]);
    expect(asleep.node?.gpus[0]).toEqual({
      index: 0,
      uuid: "AMD-4f5c0e1d2c3b4a03",
      model: "AMD GPU 1002:744c",
      pciBusId: "0000:03:00.0",
    });
    tree.write(`${RADEON}/power/runtime_status`, "active\n");
    const awake = await tick();
    expect(awake.gpus[0]).toHaveProperty("powerWatts", 303);
    expect(awake.node?.gpus[0]).toHaveProperty("powerLimitWatts", 339);
    expect(awake.gaps).toEqual([]);
  });

  it.each(["unsupported", "error", "suspending", ""])("is not one that is %j", async (status) => {
    const { collector, tick, tree } = rig(radeon());
    tree.write(`${RADEON}/power/runtime_status`, `${status}\n`);
    await collector.open();
    expect((await tick()).gpus[0]).toHaveProperty("gpuUtil", 0.97);
  });

  it("of xe keeps its holders without being asked for their counters", async () => {
    const { collector, tick, tree } = rig(battlemage());
    const held = (cycles: number) => ({
      "5": opened(1, {
        driver: "xe",
        pdev: "0000:04:00.0",
        "client-id": "3",
        "cycles-rcs": String(cycles),
        "total-cycles-rcs": String(cycles * 2),
      }),
    });
    tree.process(70, held(1000));
    await collector.open();
    expect((await tick()).lists).toEqual([{ gpu: 0, list: [{ pid: 70 }] }]);
    const status = "sys/devices/pci0000:00/0000:04:00.0/power/runtime_status";
    tree.write(status, "suspended\n");
    // A reader would see another client here, and lose the one it knows.
    tree.write("proc/70/fdinfo/5", "drm-driver:\tnone\n");
    expect((await tick(6000)).gpus).toEqual([{ gpu: 0, gpuUtil: 0 }]);
    tree.process(70, held(2000));
    tree.write(status, "active\n");
    expect((await tick()).lists).toEqual([{ gpu: 0, list: [{ pid: 70 }] }]);
    tree.process(70, held(3000));
    expect((await tick()).lists).toEqual([{ gpu: 0, list: [{ pid: 70, smUtil: 0.5 }] }]);
  });
});

describe("a card that vanishes", () => {
  it("leaves a gap and then the node; the others do not notice", async () => {
    const { collector, tick, tree } = rig(radeon(), instinct());
    await collector.open();
    await tick();
    tree.remove(RADEON);
    const lost = await tick();
    expect(lost.gaps).toEqual([{ gpu: 0, lengthMs: 1000, reason: "the card is gone from sysfs" }]);
    expect(lost.gpus.map(({ gpu }) => gpu)).toEqual([1]);
    expect((await tick(3000)).gaps).toEqual([]);
    const left = await tick(6000);
    expect(left.gaps).toEqual([{ gpu: 0, lengthMs: 9000, reason: "the card is gone from sysfs" }]);
    expect(left.all.map(({ kind }) => kind).slice(0, 2)).toEqual(["gap", "node"]);
    expect(left.node?.gpus.map(({ index }) => index)).toEqual([1]);
  });

  it("has its number again when it comes back, under other names", async () => {
    const { collector, tick, tree } = rig(radeon(), instinct());
    await collector.open();
    await tick();
    tree.remove(RADEON);
    await tick(10_000);
    tree.card({ ...radeon("0000:03:00.0", 7) });
    const back = await tick(10_000);
    expect(back.node?.gpus.map(({ index, pciBusId }) => [index, pciBusId])).toEqual([
      [0, "0000:03:00.0"],
      [1, "0000:c1:00.0"],
    ]);
    expect(back.gpus[0]).toMatchObject({ gpu: 0, gpuUtil: 0.97 });
  });

  it("and returns before anyone looked is read on, with its sensors under another number", async () => {
    const { collector, tick, tree } = rig(radeon());
    await collector.open();
    await tick();
    tree.remove(RADEON);
    await tick();
    const [hwmon] = radeon().hwmon ?? [];
    if (hwmon) tree.card({ ...radeon(), hwmon: [{ ...hwmon, number: 9 }] });
    const back = await tick(5000);
    expect(back.gaps).toEqual([{ gpu: 0, lengthMs: 5000, reason: "the card is gone from sysfs" }]);
    expect(back.gpus[0]).toHaveProperty("powerWatts", 303);
  });

  it("is lost, too, when it is there and none of its files answers", async () => {
    const { collector, tick, tree } = rig(arc());
    await collector.open();
    await tick();
    tree.remove(`${RADEON}/hwmon`);
    tree.remove(`${RADEON}/drm/card0/gt`);
    tree.remove(`${RADEON}/drm/card0/gt_act_freq_mhz`);
    expect((await tick()).gaps[0]?.reason).toBe("none of the card's files can be read");
  });

  it("and was the last ends the collector, which then finds none", async () => {
    const { collector, tick, tree } = rig(radeon());
    await collector.open();
    await tick();
    tree.remove(RADEON);
    await expect(tick(10_000)).rejects.toMatchObject({ code: "collect/no-gpu" });
    await collector.close();
    expect((await collector.open()).status).toBe("absent");
  });
});

describe("a card that appears", () => {
  it("is announced within ten seconds, with the next number", async () => {
    const { collector, tick, tree } = rig(instinct());
    await collector.open();
    await tick();
    tree.card(radeon());
    expect((await tick(8000)).node).toBeUndefined();
    const seen = await tick(1000);
    expect(seen.node?.gpus.map(({ index, pciBusId }) => [index, pciBusId])).toEqual([
      [0, "0000:c1:00.0"],
      [1, "0000:03:00.0"],
    ]);
    expect(seen.gpus.map(({ gpu }) => gpu)).toEqual([0, 1]);
  });
});

describe("the collector", () => {
  it("closes without having been opened, twice, and opens again", async () => {
    const { collector, tick } = rig(radeon());
    await collector.close();
    await collector.close();
    await expect(tick()).rejects.toMatchObject({ code: "collect/no-gpu" });
    await collector.open();
    await tick();
    await collector.close();
    await collector.open();
    expect((await tick()).node?.gpus).toHaveLength(1);
  });
});

describe("a process that cannot be looked into", () => {
  const NEEDS = "root or CAP_SYS_PTRACE, the host's process namespace and a kernel from 5.19 on";

  it("hides who is there: no list is better than one that lacks it", async () => {
    const { collector, tick, tree } = rig(radeon());
    tree.process(50, { "4": radeonClient(1, 5) });
    tree.process(60);
    tree.remove("proc/60/fd");
    // What is no folder fails like one that may not be opened.
    tree.write("proc/60/fd", "");
    expect(await collector.open()).toMatchObject({
      detail: `0 AMD GPU 1002:744c; no process lists: 1 processes cannot be looked into; ${NEEDS}`,
    });
    expect((await tick()).lists).toEqual([]);
    tree.exit(60);
    expect((await tick(5000)).lists).toEqual([
      { gpu: 0, list: [expect.objectContaining({ pid: 50 })] },
    ]);
  });

  it("leaves an Intel card's use unknown, which is the sum of all its users'", async () => {
    const { collector, tick, tree } = rig(arc());
    tree.process(50, { "4": arcClient(1, 1e9) });
    tree.process(60);
    tree.remove("proc/60/fd");
    tree.write("proc/60/fd", "");
    await collector.open();
    await tick();
    tree.process(50, { "4": arcClient(1, 15e8) });
    const hidden = await tick();
    expect(hidden.gpus[0]).not.toHaveProperty("gpuUtil");
    expect(hidden.gpus[0]).not.toHaveProperty("memUsedBytes");
    tree.exit(60);
    await tick(5000);
    tree.process(50, { "4": arcClient(1, 20e8) });
    expect((await tick()).gpus[0]).toMatchObject({ gpuUtil: 0.5, memUsedBytes: 2 ** 29 });
  });

  it.each([
    ["the first process does not show", (t: ReturnType<typeof rig>["tree"]) => t.exit(1)],
    [
      "it sees another namespace",
      (t: ReturnType<typeof rig>["tree"]) => {
        t.exit(1);
        t.process(1);
        t.write("proc/1/ns/.keep", "");
        t.link("proc/1/ns/pid", "pid:[4026532001]");
      },
    ],
  ])("is assumed where %s", async (_, change) => {
    const { collector, tick, tree } = rig(radeon());
    change(tree);
    expect(await collector.open()).toMatchObject({
      detail: expect.stringContaining("not all processes of the host are visible"),
    });
    expect((await tick()).lists).toEqual([]);
  });

  it.each([
    ["a device of ours", "renderD128", 0],
    ["another's", "renderD140", 1],
  ])("is one whose kernel does not say what it does with %s", async (_, node, lists) => {
    const { collector, tick, tree } = rig(radeon());
    tree.process(50, { "4": { link: `/dev/dri/${node}`, info: "pdev:\t0000:03:00.0\n" } });
    await collector.open();
    expect((await tick()).lists).toHaveLength(lists);
  });
});
