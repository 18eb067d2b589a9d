import { describe, expect, it } from "vitest";
import { scriptNvmlStub, type NvmlScript } from "../../support/nvml-stub.ts";
import { at, eventSets } from "./rig-counters.ts";
import { AT, compiler, of, ready, suffix, type Rig } from "./rig.ts";

const sound: NvmlScript = {
  eccCorrected: 3,
  eccUncorrected: 0,
  pcieReplays: 7,
  remappedCorrected: 2,
  remappedUncorrected: 1,
};
const health = async (made: Rig, ms: number) => of("health", await at(made, ms));
const ECC = "nvmlDeviceGetTotalEccErrors";
const WAIT = "nvmlEventSetWait_v2";

describe.skipIf(!compiler)(`the health of a device${suffix}`, () => {
  const counts = { eccCorrected: 3, eccUncorrected: 0, pcieReplays: 7, remappedRows: 3 };

  it("is told at first and every minute", async () => {
    const made = await ready(sound);
    expect(await health(made, 0)).toEqual([{ kind: "health", atMs: AT, gpu: 0, ...counts }]);
    expect(await health(made, 59_999)).toEqual([]);
    expect(await health(made, 60_000)).toMatchObject([counts]);
    expect(made.calls(ECC)).toBe(4);
  });

  it.each([
    ["eccCorrected", "0xffffffffffffffff", "eccCorrected"],
    ["pcieReplays", 0xffff_ffff, "pcieReplays"],
    ["remappedUncorrected", 0xffff_ffff, "remappedRows"],
  ])("leaves out %s where it is %s", async (key, value, quantity) => {
    const [line] = await health(await ready({ ...sound, [key]: value }), 0);
    expect(line).not.toHaveProperty(quantity);
    expect(line).toHaveProperty("eccUncorrected", 0);
  });

  it("is not told where nothing of it is measured, and asked for once", async () => {
    const made = await ready();
    for (const minute of [0, 1, 2]) expect(await health(made, minute * 60_000)).toEqual([]);
    // Once for corrected errors, once for uncorrected ones.
    expect(made.calls(ECC)).toBe(2);
    expect(made.calls("nvmlDeviceGetRemappedRows")).toBe(1);
  });

  it("is told of what there is, and asked for only that", async () => {
    const made = await ready({ pcieReplays: 7 });
    await health(made, 0);
    expect(await health(made, 60_000)).toEqual([
      { kind: "health", atMs: AT + 60_000, gpu: 0, pcieReplays: 7 },
    ]);
    expect([made.calls(ECC), made.calls("nvmlDeviceGetPcieReplayCounter")]).toEqual([2, 2]);
  });
});

describe.skipIf(!compiler)(`driver errors${suffix}`, () => {
  it("are told at once, oldest first, each of its own device and only once", async () => {
    const made = await ready({ ...sound, devices: 2 });
    await at(made, 0);
    const xids = "1:31 0:13 1:43";
    scriptNvmlStub(made.library, { ...sound, devices: 2, xids });
    const found = await health(made, 1000);
    expect(found).toMatchObject([
      { gpu: 0, xids: [13], pcieReplays: 7 },
      { gpu: 1, xids: [31, 43] },
    ]);
    expect(await health(made, 2000)).toEqual([]);
  });

  it("need no counts beside them", async () => {
    const made = await ready();
    await at(made, 0);
    scriptNvmlStub(made.library, { xids: "0:31" });
    expect(await health(made, 1000)).toEqual([
      { kind: "health", atMs: AT + 1000, gpu: 0, xids: [31] },
    ]);
  });

  it("say nothing where the event is of another type, or its code is garbage", async () => {
    const made = await ready();
    await at(made, 0);
    scriptNvmlStub(made.library, { xids: "0:31", eventType: 16 });
    expect(await health(made, 1000)).toEqual([]);
    scriptNvmlStub(made.library, { xids: "0:31 0:0xffffffff 0:65536 0:65535" });
    expect(await health(made, 2000)).toMatchObject([{ xids: [65_535] }]);
  });

  it("are the last words of a device that falls off the bus", async () => {
    const made = await ready({ devices: 2 });
    await at(made, 0);
    const script = { devices: 2, xids: "0:79" };
    scriptNvmlStub(made.library, { ...script, "gpu0.error.nvmlDeviceGetUtilizationRates": 15 });
    const seen = await at(made, 1000);
    expect(of("gap", seen)).toMatchObject([{ gpu: 0 }]);
    expect(of("health", seen)).toEqual([{ kind: "health", atMs: AT + 1000, gpu: 0, xids: [79] }]);
  });

  it("of the others are seen again once a lost device is out of the set", async () => {
    const made = await ready({ devices: 2 });
    await at(made, 0);
    scriptNvmlStub(made.library, { devices: 2, "gpu0.lost": 1, xids: "1:31" });
    await at(made, 60_000);
    expect(of("health", await at(made, 61_000))).toMatchObject([{ gpu: 1, xids: [31] }]);
    expect(eventSets(made)).toBe(1);
  });

  it.each([
    ["nvmlEventSetCreate", 3, "nvmlEventSetCreate", 1],
    ["nvmlEventSetCreate", 999, "nvmlEventSetCreate", 2],
    [WAIT, 3, WAIT, 1],
    [WAIT, 10, WAIT, 4],
  ])("are asked for again where %s answers %s", async (symbol, result, counted, times) => {
    const made = await ready({ [`error.${symbol}`]: result });
    for (const ms of [0, 1000, 2000, 60_000]) await at(made, ms);
    expect(made.calls(counted, -1)).toBe(times);
  });

  it("are registered for once by each device", async () => {
    const made = await ready({ devices: 2, "gpu1.error.nvmlDeviceRegisterEvents": 3 });
    for (const ms of [0, 1000, 2000]) await at(made, ms);
    const register = "nvmlDeviceRegisterEvents";
    expect([made.calls(register, 0), made.calls(register, 1)]).toEqual([1, 1]);
  });

  it("may be missing in an old driver", async () => {
    const made = await ready(sound, { without: ["nvmlEventSetCreate"] });
    expect(await health(made, 0)).toHaveLength(1);
    expect(made.calls(WAIT, -1)).toBe(0);
  });

  it("break the collector where the library has gone", async () => {
    const made = await ready({ [`error.${WAIT}`]: 1 });
    await expect(at(made, 0)).rejects.toMatchObject({ code: "nvml/library" });
  });

  it("leave no set behind, however often the collector is opened", async () => {
    const made = await ready();
    eventSets(made);
    for (let round = 0; round < 3; round++) {
      await at(made, 0);
      expect(eventSets(made)).toBe(1);
      await made.collector.close();
      expect(eventSets(made)).toBe(0);
      await made.collector.open();
    }
  });
});
