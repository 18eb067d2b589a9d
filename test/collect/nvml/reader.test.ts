import { describe, expect, it } from "vitest";
import { AssayError } from "../../../src/model/errors.ts";
import type { NvmlSettings } from "../../../src/collect/nvml/reader.ts";
import { scriptNvmlStub, type NvmlScript } from "../../support/nvml-stub.ts";
import { AT, brief, compiler, of, ready, suffix } from "./rig.ts";

const cards = (...uuids: string[]): NvmlScript => ({
  devices: uuids.length,
  ...Object.fromEntries(uuids.map((uuid, i) => [`gpu${i}.uuid`, uuid])),
});

/** A node that is read once a second. */
const start = async (script: NvmlScript, settings: Partial<NvmlSettings> = {}) => {
  const made = await ready(script, { settings });
  const at = async (second: number, next?: NvmlScript) => {
    if (next) scriptNvmlStub(made.library, next);
    made.clock.nowMs = second * 1000;
    return brief(await made.collector.collect(AT + second * 1000));
  };
  return { made, at };
};

describe.skipIf(!compiler)(`devices that come and go${suffix}`, () => {
  it("are announced when one appears, and the others lose no time by it", async () => {
    const { at } = await start(cards("A"));
    await at(0);
    expect(await at(1, cards("A", "B"))).toMatchObject({
      node: ["0 A", "1 B"],
      gpus: [0, 1],
      gaps: [],
    });
    expect((await at(2)).node).toBeUndefined();
  });

  it("keep what is known of those that stay: nothing is asked that was not supported", async () => {
    const symbol = "nvmlDeviceGetTotalEnergyConsumption";
    const without = { [`error.${symbol}`]: 3 };
    const { made, at } = await start({ ...cards("A"), ...without });
    await at(0);
    await at(1, { ...cards("A", "B"), ...without });
    await at(2);
    expect([made.calls(symbol, 0), made.calls(symbol, 1)]).toEqual([1, 1]);
  });

  it("have the UUID decide where the first falls out and the second takes its index", async () => {
    const { at } = await start(cards("A", "B"));
    await at(0);
    const moved = await at(1, cards("B"));
    expect(moved).toMatchObject({ node: ["0 B"], gpus: [0], gaps: ["0 0-1"] });
    // The rest of A's time comes before the node that gives its index to B.
    expect(moved.seen.slice(0, 2).map(({ kind }) => kind)).toEqual(["gap", "node"]);
    expect((await at(2)).gaps).toEqual([]);
    const back = await at(60, cards("A", "B"));
    expect(back).toMatchObject({ node: ["0 A", "1 B"], gpus: [0, 1], gaps: ["0 1-60"] });
  });

  it("are told apart where another one takes the place of a lost one", async () => {
    const { at } = await start(cards("A", "B"));
    await at(0);
    expect((await at(1, { ...cards("A", "B"), "gpu0.lost": 1 })).gaps).toEqual(["0 0-1"]);
    const found = await at(6, cards("C", "B"));
    expect(found).toMatchObject({ gpus: [1], gaps: ["0 1-6"], node: undefined });
    const next = await at(7);
    expect(next).toMatchObject({ node: ["0 C", "1 B"], gpus: [0, 1], gaps: ["0 6-7"] });
    expect(of("gap", next.seen)[0]?.reason).toMatch(/no longer lists/);
  });

  it("keep their account where one appears while another is lost", async () => {
    const lost = { "gpu0.lost": 1 };
    const { at } = await start(cards("A", "B"));
    await at(0);
    expect((await at(1, { ...cards("A", "B"), ...lost })).gaps).toEqual(["0 0-1"]);
    const more = await at(2, { ...cards("A", "B", "C"), ...lost });
    expect(more).toMatchObject({ node: ["0 A", "1 B", "2 C"], gpus: [1, 2], gaps: [] });
    expect(await at(6, cards("A", "B", "C"))).toMatchObject({ gpus: [0, 1, 2], gaps: ["0 1-6"] });
  });

  it("are tried at once where a lost one shows itself as another appears", async () => {
    const { at } = await start(cards("A"));
    await at(0);
    await at(1, { ...cards("A"), lost: 1 });
    expect(await at(2, cards("A", "B"))).toMatchObject({ gpus: [0, 1], gaps: ["0 1-2"] });
  });

  it("are listed once where the driver gives two indexes one UUID", async () => {
    const { at } = await start(cards("A", "A"));
    expect((await at(0)).node).toEqual(["0 A"]);
    expect((await at(1)).node).toBeUndefined();
  });

  it("are a hundred at most, whatever the driver counts", async () => {
    const { at } = await start({ devices: 4_000_000_000, "error.nvmlDeviceGetMigMode": 3 });
    expect((await at(0)).node).toHaveLength(100);
  });
});

describe.skipIf(!compiler)(`a driver that is loaded anew under the agent${suffix}`, () => {
  it.each([
    [1, "nvmlDeviceGetUtilizationRates"],
    [9, "nvmlDeviceGetCount_v2"],
    [18, "nvmlDeviceGetMigMode"],
    [1, "nvmlDeviceGetHandleByIndex_v2"],
  ])("breaks the reader with result %s of %s, and is read again", async (result, symbol) => {
    const { made, at } = await start(cards("A"));
    await at(0);
    // By then the division is looked at again, and a new device has to be looked up.
    const failing = at(10, { ...cards("A", "B"), [`error.${symbol}`]: result });
    await expect(failing).rejects.toBeInstanceOf(AssayError);
    await made.collector.close();
    scriptNvmlStub(made.library, cards("A", "B"));
    expect(await made.collector.open()).toMatchObject({ status: "ready" });
    const again = await at(11);
    // The time between is the harness's to tell, for all devices at once.
    expect(again).toMatchObject({ node: ["0 A", "1 B"], gpus: [0, 1], gaps: [] });
  });

  it("leaves the account of a device that was lost before, and of one that is gone after", async () => {
    const { made, at } = await start(cards("A", "B", "C"));
    await at(0);
    expect((await at(1, { ...cards("A", "B", "C"), "gpu1.lost": 1 })).gaps).toEqual(["1 0-1"]);
    const broken = { ...cards("A", "B", "C"), "error.nvmlDeviceGetCount_v2": 1 };
    await expect(at(2, broken)).rejects.toBeInstanceOf(AssayError);
    await made.collector.close();
    scriptNvmlStub(made.library, cards("A", "B"));
    await made.collector.open();
    const again = await at(5);
    expect(again).toMatchObject({ node: ["0 A", "1 B"], gpus: [0, 1] });
    expect(again.gaps).toEqual(["2 1-5", "1 1-5"]);
  });

  it("is absent where no device is left, and found again", async () => {
    const { made, at } = await start(cards("A"));
    await at(0);
    await made.collector.close();
    scriptNvmlStub(made.library, { devices: 0 });
    expect(await made.collector.open()).toMatchObject({ status: "absent" });
    scriptNvmlStub(made.library, cards("A"));
    expect(await made.collector.open()).toMatchObject({ status: "ready" });
    expect(await at(3)).toMatchObject({ node: ["0 A"], gpus: [0] });
  });
});
