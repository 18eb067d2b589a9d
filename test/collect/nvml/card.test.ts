import { describe, expect, it } from "vitest";
import type { OpenInstanceCounters } from "../../../src/collect/nvml/mig-device.ts";
import { scriptNvmlStub, type NvmlScript } from "../../support/nvml-stub.ts";
import { AT, brief, compiler, of, ready, suffix, type Rig } from "./rig.ts";

const part = (device: number, name: string, gpuInstance = device - 100): NvmlScript => ({
  [`gpu${device}.mig`]: `${gpuInstance}:0`,
  [`gpu${device}.uuid`]: `MIG-${name}`,
});
const OFF: NvmlScript = { migMode: 0, util: 50 };
const EMPTY: NvmlScript = { migMode: 1, "error.nvmlDeviceGetUtilizationRates": 3 };
const A: NvmlScript = { ...EMPTY, ...part(100, "a") };
const AB: NvmlScript = { ...A, ...part(101, "b") };

/** One tick of one second; what it brought in few words. */
const ticker = (made: Rig) => {
  let second = -1;
  return async (script?: NvmlScript) => {
    second += 1;
    if (script) scriptNvmlStub(made.library, script);
    made.clock.nowMs = second * 1000;
    return brief(await made.collector.collect(AT + second * 1000));
  };
};

/** Ticks up to the one that announces a node. @returns it, and how many there were */
const untilNode = async (tick: ReturnType<typeof ticker>, script: NvmlScript) => {
  for (let ticks = 1; ticks <= 20; ticks++) {
    const one = await tick(script);
    if (one.node) return { ...one, ticks };
  }
  throw new Error("no node in 20 ticks");
};

describe.skipIf(!compiler)(`a card that is divided while it is watched${suffix}`, () => {
  it.each([
    ["from whole to parts", OFF, AB, ["100 MIG-a", "101 MIG-b"]],
    ["from parts to whole", AB, OFF, ["0 GPU-stand-in-0"]],
    ["from no part to one", EMPTY, A, ["100 MIG-a"]],
    ["from one part to none", A, EMPTY, ["0 GPU-stand-in-0"]],
    ["by one part more", A, AB, ["100 MIG-a", "101 MIG-b"]],
    ["by one part less", AB, A, ["100 MIG-a"]],
    ["into another part in the same place", A, { ...EMPTY, ...part(100, "c") }, ["100 MIG-c"]],
    ["into the same part in another place", A, { ...EMPTY, ...part(102, "a") }, ["102 MIG-a"]],
  ])("is announced anew within 10 s: %s", async (_name, before, after, listed) => {
    const tick = ticker(await ready(before));
    expect((await tick(before)).node).toBeDefined();
    const { node, gpus, ticks } = await untilNode(tick, after);
    expect(ticks).toBeLessThanOrEqual(10);
    expect(node).toEqual(listed);
    expect(gpus).toEqual(listed.map((name) => Number(name.split(" ")[0])));
    for (let i = 0; i < 8; i++) expect((await tick(after)).node).toBeUndefined();
  });

  it("is not announced where nothing changed, and looked at every 5 s at most", async () => {
    const made = await ready(AB, { settings: { intervalMs: 100 } });
    for (let nowMs = 0; nowMs <= 20_000; nowMs += 100) {
      made.clock.nowMs = nowMs;
      const seen = await made.collector.collect(AT + nowMs);
      expect(of("node", seen)).toHaveLength(nowMs === 0 ? 1 : 0);
    }
    expect(made.calls("nvmlDeviceGetMigMode")).toBe(5);
  });

  it("tells the rest of the time of what is no more, before the node, and no more of it later", async () => {
    const tick = ticker(await ready(A));
    await tick(A);
    const changed = await untilNode(tick, OFF);
    const kinds = changed.seen.slice(0, 2).map(({ kind }) => kind);
    expect(kinds).toEqual(["gap", "node"]);
    expect(of("gap", changed.seen)[0]?.reason).toMatch(/divided/);
    const back = await untilNode(tick, A);
    expect(back.node).toEqual(["100 MIG-a"]);
    // The part did not exist meanwhile: only the card has a rest to tell.
    expect(back.gaps.map((gap) => gap.split(" ")[0])).toEqual(["0"]);
  });

  it("is asked again, once whole, for what it did not support while MIG was on", async () => {
    const tick = ticker(await ready(EMPTY));
    const util = async (script: NvmlScript) => of("gpu", (await tick(script)).seen)[0]?.gpuUtil;
    expect(await util(EMPTY)).toBeUndefined();
    const seen = [];
    for (let i = 0; i < 6; i++) seen.push(await util(OFF));
    expect(seen.at(-1)).toBe(0.5);
  });

  it("keeps the parts that stay, and gives up the counters of those that go", async () => {
    const log: string[] = [];
    const openCounters: OpenInstanceCounters = (_card, id) => {
      log.push(`open ${id}`);
      return { read: () => ({ gpuUtil: 1 }), close: () => log.push(`close ${id}`) };
    };
    const made = await ready(AB, { openCounters });
    const tick = ticker(made);
    await tick(AB);
    await untilNode(tick, { ...EMPTY, ...part(101, "b"), ...part(102, "c") });
    const opened = () => log.filter((line) => line.startsWith("open"));
    expect(opened()).toEqual(["open 0", "open 1", "open 2"]);
    expect([log.includes("close 0"), log.includes("close 1")]).toEqual([true, false]);
    // A second compute instance in the GPU instance of `b`: its counters are of both now.
    for (let i = 0; i < 6; i++) await tick({ ...EMPTY, ...part(101, "b"), ...part(102, "c", 1) });
    expect(opened()).toHaveLength(3);
    expect([log.includes("close 1"), log.includes("close 2")]).toEqual([true, true]);
  });

  it("has a gap of its own where it does not answer at once when it is whole again", async () => {
    const tick = ticker(await ready(AB));
    await tick(AB);
    const silent = { ...OFF, "error.nvmlDeviceGetHandleByIndex_v2": 999 };
    const { node, gpus, ticks } = await untilNode(tick, silent);
    expect({ node, gpus }).toEqual({ node: ["0 GPU-stand-in-0"], gpus: [] });
    const gaps = [];
    for (let i = 0; i < 6; i++) gaps.push(...(await tick(OFF)).gaps);
    expect(gaps).toEqual([`0 ${ticks}-${ticks + 5}`]);
  });

  it("is not announced as a whole first where it could not say at first who it was", async () => {
    const tick = ticker(await ready({ ...AB, devices: 2, "gpu0.lost": 1, "gpu1.migMode": 0 }));
    expect((await tick()).node).toEqual(["1 GPU-stand-in-1"]);
    const found = await untilNode(tick, { ...AB, devices: 2, "gpu1.migMode": 0 });
    expect(found.node).toEqual(["100 MIG-a", "101 MIG-b", "1 GPU-stand-in-1"]);
  });

  it("does not change while it is not clear how it is divided", async () => {
    const tick = ticker(await ready(AB));
    await tick(AB);
    for (const unclear of [
      { "error.nvmlDeviceGetMigMode": 999 },
      { "gpu0.error.nvmlDeviceGetMigDeviceHandleByIndex": 999 },
      { "gpu101.uuid": "MIG-a" },
    ]) {
      for (let i = 0; i < 6; i++) expect((await tick({ ...AB, ...unclear })).node).toBeUndefined();
      expect((await tick(AB)).node).toBeUndefined();
    }
  });
});

describe.skipIf(!compiler)(`a MIG device that dies${suffix}`, () => {
  it.each([6, 2])(
    "with result %s is a gap until the card is looked at, and breaks nothing",
    async (goneResult) => {
      const tick = ticker(await ready(AB));
      await tick(AB);
      const script = { ...A, goneResult };
      expect(await tick(script)).toMatchObject({ gpus: [100], gaps: ["101 0-1"] });
      const { ticks, node, gaps } = await untilNode(tick, script);
      expect(ticks).toBeLessThanOrEqual(5);
      expect(node).toEqual(["100 MIG-a"]);
      expect(gaps).toEqual([`101 1-${ticks + 1}`]);
      expect((await tick(script)).gaps).toEqual([]);
    },
  );

  it("is not taken for the one that answers to its handle now", async () => {
    const tick = ticker(await ready(A));
    await tick(A);
    const other = { ...EMPTY, ...part(100, "other"), memoryUsed: 77 };
    expect(await tick(other)).toMatchObject({ gpus: [], gaps: ["100 0-1"] });
    expect((await untilNode(tick, other)).node).toEqual(["100 MIG-other"]);
  });

  it("is a gap that ends when it answers again", async () => {
    const tick = ticker(await ready(AB));
    const sick = { ...AB, "gpu101.error.nvmlDeviceGetUUID": 2 };
    await tick(AB);
    expect((await tick(sick)).gaps).toEqual(["101 0-1"]);
    const later = [await tick(AB), await tick(AB), await tick(AB), await tick(AB)];
    expect(later.map(({ gaps }) => gaps)).toEqual([[], [], [], ["101 1-5"]]);
    expect(later.map(({ gpus }) => gpus.length)).toEqual([1, 1, 1, 2]);
    expect(later.every(({ node }) => node === undefined)).toBe(true);
  });
});

describe.skipIf(!compiler)(`a divided card that falls off the bus${suffix}`, () => {
  it("takes its parts with it, and is whole again with them", async () => {
    const settings = { lostDevice: { firstMs: 5000, maxMs: 5000 } };
    const tick = ticker(await ready({ ...AB, devices: 2 }, { settings }));
    expect((await tick()).gpus).toEqual([100, 101, 1]);
    const lost = { ...AB, devices: 2, "gpu0.lost": 1, "gpu1.migMode": 0 };
    expect(await tick(lost)).toMatchObject({ gpus: [1], gaps: ["100 0-1", "101 0-1"] });
    const told: string[] = [];
    for (let second = 2; second <= 30; second++) {
      const { gpus, gaps, node } = await tick(second < 20 ? lost : { ...lost, "gpu0.lost": 0 });
      told.push(...gaps);
      if (second < 20) expect(gpus).toEqual([1]);
      expect(node).toBeUndefined();
      if (second === 30) expect(gpus).toEqual([100, 101, 1]);
    }
    for (const index of [100, 101]) {
      const own = told.filter((gap) => gap.startsWith(`${index} `)).map((gap) => gap.split(/[ -]/));
      // One after the other, without a hole between them.
      expect(own[0]?.[1]).toBe("1");
      own.slice(1).forEach(([, from], i) => expect(from).toBe(own[i]?.[2]));
    }
    // And it is noticed again how it is divided.
    const changed = await untilNode(tick, { ...A, devices: 2, "gpu1.migMode": 0 });
    expect(changed.node).toEqual(["100 MIG-a", "1 GPU-stand-in-1"]);
  });
});
