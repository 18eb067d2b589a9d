import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  arc,
  arcClient,
  GIB,
  instinct,
  kfdProcess,
  kfdTopology,
  opened,
  radeon,
  radeonClient,
} from "./cards.ts";
import { rig } from "./rig.ts";

const KIB_2048 = 2048 * 1024;

describe("who is on a card", () => {
  it("is nobody, where every process was looked into and none holds it", async () => {
    const { collector, tick, tree } = rig(radeon());
    tree.process(50, { "3": { link: "/dev/dri" }, "4": { link: "/home/a/dri/card0.txt" } });
    await collector.open();
    expect((await tick()).lists).toEqual([{ gpu: 0, list: [] }]);
  });

  it("is told with the memory at once, and with the use from the second look on", async () => {
    const { collector, tick, tree } = rig(radeon());
    tree.process(50, { "4": radeonClient(1, 1e9) });
    await collector.open();
    expect((await tick()).lists[0]?.list).toEqual([{ pid: 50, memUsedBytes: KIB_2048 }]);
    tree.process(50, { "4": radeonClient(1, 1.25e9) });
    expect((await tick()).lists[0]?.list).toEqual([
      { pid: 50, smUtil: 0.25, memUsedBytes: KIB_2048 },
    ]);
  });

  it("has the use of the busiest engine that computes, and that of the coders apart", async () => {
    const { collector, tick, tree } = rig(radeon());
    const client = (ns: number) =>
      radeonClient(1, ns, {
        "engine-compute": `${ns * 3} ns`,
        "engine-dma": `${ns * 9} ns`,
        "engine-enc": `${ns * 2} ns`,
        "engine-dec": `${ns} ns`,
      });
    tree.process(50, { "4": client(1e8) });
    await collector.open();
    await tick();
    tree.process(50, { "4": client(2e8) });
    expect((await tick()).lists[0]?.list).toMatchObject([
      { smUtil: 0.3, encUtil: 0.2, decUtil: 0.1 },
    ]);
  });

  it("sums the clients of one process, up to all of the time", async () => {
    const { collector, tick, tree } = rig(radeon());
    const hold = (ns: number) =>
      tree.process(50, { "4": radeonClient(1, ns), "5": radeonClient(2, ns) });
    hold(1e9);
    await collector.open();
    await tick();
    hold(1.25e9);
    expect((await tick()).lists[0]?.list).toEqual([
      { pid: 50, smUtil: 0.5, memUsedBytes: 2 * KIB_2048 },
    ]);
    hold(1.95e9);
    expect((await tick()).lists[0]?.list).toMatchObject([{ smUtil: 1 }]);
  });

  it("counts a client once, whatever holds it: to the lowest process number", async () => {
    const { collector, tick, tree } = rig(radeon());
    const hold = (ns: number) => {
      tree.process(60, { "4": radeonClient(1, ns) });
      tree.process(50, { "4": radeonClient(1, ns), "9": radeonClient(1, ns) });
    };
    hold(1e9);
    await collector.open();
    await tick();
    hold(1.5e9);
    const list = [{ pid: 50, smUtil: 0.5, memUsedBytes: KIB_2048 }];
    expect((await tick()).lists).toEqual([{ gpu: 0, list }]);
    // The parent leaves: its child goes on with the same client, whose counters go on, too.
    tree.exit(50);
    tree.process(60, { "4": radeonClient(1, 2e9) });
    expect((await tick()).lists).toEqual([
      { gpu: 0, list: [{ pid: 60, smUtil: 0.5, memUsedBytes: KIB_2048 }] },
    ]);
  });

  it("goes by the address in fdinfo: a container may call any card renderD128", async () => {
    const { collector, tick, tree } = rig(radeon(), instinct());
    const there = { link: "/dev/dri/renderD128" };
    const info = "drm-driver:\tamdgpu\ndrm-pdev:\t0000:c1:00.0\ndrm-client-id:\t9\n";
    tree.process(50, { "4": { ...there, info } });
    await collector.open();
    expect((await tick()).lists).toEqual([
      { gpu: 0, list: [] },
      { gpu: 1, list: [{ pid: 50 }] },
    ]);
  });

  it("leaves out who only holds it open, without memory or work", async () => {
    const { collector, tick, tree } = rig(radeon());
    tree.process(50, { "4": radeonClient(1, 0, { "memory-vram": "0" }) });
    tree.process(51, { "4": radeonClient(2, 0, { "memory-vram": "4 KiB" }) });
    tree.process(52, { "4": radeonClient(3, 7, { "memory-vram": "0" }) });
    await collector.open();
    expect((await tick()).lists[0]?.list.map(({ pid }) => pid)).toEqual([51, 52]);
  });
});

describe("a process", () => {
  it("that comes later is found when the driver's count of users changes", async () => {
    const { collector, tick, tree } = rig(radeon());
    tree.write("sys/module/amdgpu/refcnt", "3\n");
    await collector.open();
    await tick();
    tree.process(50, { "4": radeonClient(1, 5) });
    expect((await tick()).lists[0]?.list).toEqual([]);
    tree.write("sys/module/amdgpu/refcnt", "4\n");
    expect((await tick()).lists[0]?.list).toHaveLength(1);
  });

  it("that comes later is found within five seconds where there is no such count", async () => {
    const { collector, tick, tree } = rig(radeon());
    await collector.open();
    await tick();
    tree.process(50, { "4": radeonClient(1, 5) });
    expect((await tick(3000)).lists[0]?.list).toEqual([]);
    expect((await tick(1000)).lists[0]?.list).toHaveLength(1);
  });

  it("that ends is off the list at once", async () => {
    const { collector, tick, tree } = rig(radeon());
    tree.process(50, { "4": radeonClient(1, 5) });
    await collector.open();
    expect((await tick()).lists[0]?.list).toHaveLength(1);
    tree.exit(50);
    const seen = await tick();
    expect(seen.lists).toEqual([{ gpu: 0, list: [] }]);
  });

  it("that closes the card and opens it anew has no use until it is known", async () => {
    const { collector, tick, tree } = rig(radeon());
    tree.process(50, { "4": radeonClient(1, 9e9) });
    await collector.open();
    await tick();
    tree.process(50, { "4": radeonClient(2, 1e8) });
    await tick();
    tree.process(50, { "4": radeonClient(2, 3e8) });
    expect((await tick()).lists[0]?.list[0]).toHaveProperty("smUtil", 0.2);
  });

  it.each([
    ["cannot be read", true],
    ["is gone", false],
  ])("whose fdinfo %s: are lists withheld? %s", async (_, isWithheld) => {
    const { collector, tick, tree } = rig(radeon());
    tree.process(50, { "4": radeonClient(1, 5) });
    tree.remove("proc/50/fdinfo/4");
    if (isWithheld) mkdirSync(join(tree.procRoot, "50/fdinfo/4"));
    else tree.remove("proc/50/fd/4");
    await collector.open();
    expect((await tick()).lists).toHaveLength(isWithheld ? 0 : 1);
  });

  it("that the kernel names as a user is looked at first, before all others", async () => {
    const { collector, clock, tick, tree } = rig(radeon());
    for (let pid = 100; pid < 180; pid++) tree.process(pid);
    tree.write("sys/module/amdgpu/refcnt", "3\n");
    await collector.open();
    await tick();
    // From here on every look at the clock takes so long that a tick gets through few processes.
    clock.stepMs = 2;
    tree.process(100, { "4": radeonClient(1, 5) });
    const row = "          my 1 y y prog   100 128   n    y  1000          0";
    tree.write(
      "sys/kernel/debug/dri/0/clients",
      `  command  tgid dev master a  uid  magic\n${row}\n`,
    );
    tree.write("sys/module/amdgpu/refcnt", "4\n");
    expect((await tick()).lists[0]?.list).toEqual([{ pid: 100, memUsedBytes: KIB_2048 }]);
  });

  it("that opened a card and is not found withholds the lists for 15 seconds at most", async () => {
    const { collector, clock, tick, tree } = rig(radeon());
    for (let pid = 100; pid < 180; pid++) tree.process(pid);
    tree.write("sys/module/amdgpu/refcnt", "3\n");
    await collector.open();
    clock.stepMs = 2;
    expect((await tick()).lists).toHaveLength(1);
    tree.write("sys/module/amdgpu/refcnt", "2\n");
    expect((await tick()).lists).toHaveLength(1);
    tree.write("sys/module/amdgpu/refcnt", "3\n");
    expect((await tick()).lists).toEqual([]);
    clock.stepMs = 4;
    expect((await tick(14_000)).lists).toEqual([]);
    expect((await tick(1000)).lists).toHaveLength(1);
  });
});

describe("an Intel card's use", () => {
  it("is the sum over its clients, engine by engine, of which the busiest counts", async () => {
    const { collector, tick, tree } = rig(arc());
    const work = (tenths: number) => {
      tree.process(50, { "4": arcClient(1, tenths * 1e8, { "engine-copy": "1 ns" }) });
      tree.process(51, {
        "4": arcClient(2, tenths * 2e8, { "engine-compute": `${tenths * 1e8} ns` }),
      });
    };
    work(1);
    await collector.open();
    expect((await tick()).gpus[0]).not.toHaveProperty("gpuUtil");
    work(2);
    const seen = await tick();
    expect(seen.gpus[0]?.gpuUtil).toBeCloseTo(0.3);
    expect(seen.gpus[0]?.memUsedBytes).toBe(GIB);
    expect(seen.lists[0]?.list).toMatchObject([
      { pid: 50, smUtil: 0.1 },
      { pid: 51, smUtil: 0.2 },
    ]);
    work(9);
    expect((await tick()).gpus[0]).toMatchObject({ gpuUtil: 1 });
  });

  it("is unknown while somebody may have opened it unseen", async () => {
    const { collector, clock, tick, tree } = rig(arc());
    for (let pid = 100; pid < 180; pid++) tree.process(pid);
    tree.write("sys/module/i915/refcnt", "3\n");
    await collector.open();
    expect((await tick()).gpus[0]).toHaveProperty("gpuUtil", 0);
    clock.stepMs = 2;
    tree.write("sys/module/i915/refcnt", "4\n");
    expect((await tick()).gpus[0]).not.toHaveProperty("gpuUtil");
    // The lists are believed again before the sum is.
    clock.stepMs = 4;
    const later = await tick(15_000);
    expect(later.lists).toHaveLength(1);
    expect(later.gpus[0]).not.toHaveProperty("gpuUtil");
    clock.stepMs = 0;
    expect((await tick()).gpus[0]).toHaveProperty("gpuUtil", 0);
  });

  it("is unknown while the share of one of its clients is", async () => {
    const { collector, tick, tree } = rig(arc());
    tree.write("sys/module/i915/refcnt", "3\n");
    tree.process(50, { "4": arcClient(1, 1e8) });
    await collector.open();
    await tick();
    tree.process(50, { "4": arcClient(1, 2e8) });
    tree.process(51, { "4": arcClient(2, 9e8) });
    tree.write("sys/module/i915/refcnt", "4\n");
    const seen = await tick();
    expect(seen.lists[0]?.list).toMatchObject([{ pid: 50, smUtil: 0.1 }, { pid: 51 }]);
    expect(seen.gpus[0]).not.toHaveProperty("gpuUtil");
    expect((await tick()).gpus[0]).toHaveProperty("gpuUtil", 0);
  });
});

describe("processes of ROCm", () => {
  const rocm = (id: number, slot: string, vramKib: number) =>
    opened(0, {
      driver: "amdgpu",
      pdev: slot,
      "client-id": String(id),
      "memory-vram": `${vramKib} KiB`,
    });
  const KFD = { link: "/dev/kfd" };
  const A = "0000:03:00.0";
  const B = "0000:c1:00.0";
  const cards = () => rig(radeon(A, 0), instinct(B, 1));

  it("are on the cards where they hold queues or memory, though they open them all", async () => {
    const { collector, tick, tree } = cards();
    kfdTopology(tree, { 11: { bus: 0x03 }, 22: { bus: 0xc1 } });
    tree.process(50, { "3": KFD, "4": rocm(1, A, 2048), "5": rocm(2, B, 4096) });
    tree.process(51, { "3": KFD, "4": rocm(3, A, 2048), "5": rocm(4, B, 2048) });
    kfdProcess(tree, 50, { 11: 0, 22: 8 * GIB }, [22]);
    kfdProcess(tree, 51, { 11: 0, 22: 0 }, [11]);
    await collector.open();
    expect((await tick()).lists).toEqual([
      { gpu: 0, list: [{ pid: 51, memUsedBytes: KIB_2048 }] },
      { gpu: 1, list: [{ pid: 50, memUsedBytes: 8 * GIB }] },
    ]);
  });

  it("have no use told, and neither have others beside them: the small share would pass for all", async () => {
    const { collector, tick, tree } = cards();
    kfdTopology(tree, { 11: { bus: 0x03 } });
    kfdProcess(tree, 50, { 11: 8 * GIB }, [11]);
    const draw = (ns: number) => {
      tree.process(50, { "3": KFD, "4": rocm(1, A, 2048) });
      tree.process(60, { "4": radeonClient(9, ns) });
    };
    draw(1e8);
    await collector.open();
    await tick();
    draw(2e8);
    expect((await tick()).lists[0]?.list).toEqual([
      { pid: 50, memUsedBytes: 8 * GIB },
      { pid: 60, memUsedBytes: KIB_2048 },
    ]);
    tree.remove("sys/class/kfd/kfd/proc/50");
    draw(3e8);
    expect((await tick()).lists[0]?.list).toEqual([
      { pid: 60, smUtil: 0.1, memUsedBytes: KIB_2048 },
    ]);
  });

  it("go by what their clients hold where the compute driver does not name them", async () => {
    const { collector, tick, tree } = cards();
    tree.process(50, { "3": KFD, "4": rocm(1, A, 2048) });
    await collector.open();
    await tick();
    tree.process(50, { "3": KFD, "4": radeonClient(1, 5e8) });
    expect((await tick()).lists[0]?.list).toEqual([{ pid: 50, memUsedBytes: KIB_2048 }]);
  });

  it("draw, too, on a card that they do not compute on", async () => {
    const { collector, tick, tree } = cards();
    kfdTopology(tree, { 11: { bus: 0x03 }, 22: { bus: 0xc1 } });
    kfdProcess(tree, 50, { 11: 0, 22: GIB }, [22]);
    tree.process(50, { "3": KFD, "4": radeonClient(1, 5e8) });
    await collector.open();
    await tick();
    tree.process(50, { "3": KFD, "4": radeonClient(1, 6e8) });
    expect((await tick()).lists[0]?.list).toEqual([
      { pid: 50, smUtil: 0.1, memUsedBytes: KIB_2048 },
    ]);
  });

  it("on partitions of a card are on the card, with the memory of all", async () => {
    const { collector, tick, tree } = cards();
    kfdTopology(tree, { 11: { bus: 0x03 }, 12: { bus: 0x03 } });
    kfdProcess(tree, 50, { 11: GIB, 12: 2 * GIB }, [12]);
    await collector.open();
    expect((await tick()).lists[0]?.list).toEqual([{ pid: 50, memUsedBytes: 3 * GIB }]);
  });

  it.each([
    ["garbage", { vram_11: "lots\n", "queues/0/gpuid": "eleven" }, []],
    ["another device", { vram_33: "1000\n", "queues/0/gpuid": "33" }, []],
    ["numbers", { vram_11: "1000\n", "queues/0/gpuid": "11" }, [{ pid: 50, memUsedBytes: 1000 }]],
  ])("with %s in their files", async (_, files, list) => {
    const { collector, tick, tree } = cards();
    kfdTopology(tree, { 11: { bus: 0x03 } });
    for (const [file, text] of Object.entries(files))
      tree.write(`sys/class/kfd/kfd/proc/50/${file}`, text);
    await collector.open();
    expect((await tick()).lists[0]?.list).toEqual(list);
  });
});
