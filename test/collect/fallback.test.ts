import { describe, expect, it } from "vitest";
import type { OpenResult } from "../../src/collect/contract.ts";
import { withFallback } from "../../src/collect/fallback.ts";
import { AssayError } from "../../src/model/errors.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { ScriptedCollector } from "../support/scripted-collector.ts";

const AT = 1_800_000_000_000;
const MINUTE = 60_000;
const absent: OpenResult = { status: "absent", reason: "no library", hint: "install it" };
const unusable = () => Promise.reject(new AssayError("nvml/library", "no entry points"));

function rig() {
  const primary = new ScriptedCollector("nvml");
  const secondary = new ScriptedCollector("nvidia-smi");
  const clock = new FakeClock();
  const collector = withFallback(primary, secondary, clock);
  return { primary, secondary, clock, collector };
}

/** One in which the secondary serves, because the primary's library is not there. */
async function fallenBack() {
  const made = rig();
  made.primary.opening = async () => absent;
  await made.collector.open();
  return made;
}

describe("opening", () => {
  it("takes the primary where it is ready, and leaves the secondary alone", async () => {
    const { collector, secondary, primary } = rig();
    expect(collector.name).toBe("nvidia");
    expect(await collector.open()).toEqual({ status: "ready", detail: "nvml: 1 device" });
    await collector.collect(AT);
    expect([primary.collects, secondary.opens]).toEqual([[AT], 0]);
  });

  it("takes the secondary where the primary is absent, and says why", async () => {
    const { collector, primary, secondary } = rig();
    primary.opening = async () => absent;
    const detail = "nvidia-smi: 1 device (instead of nvml: no library)";
    expect(await collector.open()).toEqual({ status: "ready", detail });
    await collector.collect(AT);
    expect([primary.collects, secondary.collects]).toEqual([[], [AT]]);
  });

  it("takes the secondary where the primary's library cannot be used, and closes the primary", async () => {
    const { collector, primary } = rig();
    primary.opening = unusable;
    expect(await collector.open()).toMatchObject({
      detail: expect.stringContaining("no entry points"),
    });
    expect(primary.closes).toBe(1);
  });

  it("tells any other fault of the primary as it is", async () => {
    const { collector, primary, secondary } = rig();
    primary.opening = () => Promise.reject(new Error("out of memory"));
    await expect(collector.open()).rejects.toThrow("out of memory");
    expect(secondary.opens).toBe(0);
  });

  it("is absent where both are, with both reasons", async () => {
    const { collector, primary, secondary } = rig();
    primary.opening = async () => absent;
    secondary.opening = async () => ({ status: "absent", reason: "not found" });
    expect(await collector.open()).toEqual({
      status: "absent",
      reason: "nvml: no library; nvidia-smi: not found",
      hint: "install it",
    });
  });

  it("fails with the library's fault where there is nothing instead", async () => {
    const { collector, primary, secondary } = rig();
    primary.opening = unusable;
    secondary.opening = async () => ({ status: "absent", reason: "not found" });
    await expect(collector.open()).rejects.toMatchObject({ code: "nvml/library" });
  });
});

describe("while the secondary serves", () => {
  it("the primary is tried again after a minute and not before", async () => {
    const { collector, primary, clock } = await fallenBack();
    await clock.advance(MINUTE - 1);
    await collector.collect(AT);
    expect(primary.opens).toBe(1);
    await clock.advance(1);
    await collector.collect(AT);
    await settle();
    await collector.collect(AT);
    expect(primary.opens).toBe(2);
  });

  it("the primary takes over when it has become ready, and the secondary is closed", async () => {
    const { collector, primary, secondary, clock } = await fallenBack();
    primary.opening = async () => ({ status: "ready", detail: "1 device" });
    await clock.advance(MINUTE);
    await collector.collect(AT);
    await settle();
    expect(secondary.closes).toBe(0);
    await collector.collect(AT + 1);
    await collector.collect(AT + 2);
    expect([secondary.collects, primary.collects]).toEqual([[AT], [AT + 1, AT + 2]]);
    expect(secondary.closes).toBe(1);
  });

  it("a primary that fails in any way changes nothing, and is closed", async () => {
    const { collector, primary, secondary, clock } = await fallenBack();
    primary.opening = () => Promise.reject(new Error("crash"));
    await clock.advance(MINUTE);
    await collector.collect(AT);
    await settle();
    await collector.collect(AT + 1);
    expect([secondary.collects.length, primary.closes]).toEqual([2, 1]);
  });

  it("a primary whose opening hangs holds nothing up, and is not opened twice at once", async () => {
    const { collector, primary, secondary, clock } = await fallenBack();
    primary.opening = () => new Promise(() => undefined);
    await clock.advance(MINUTE);
    await collector.collect(AT);
    await clock.advance(2 * MINUTE);
    await collector.collect(AT + 1);
    expect([primary.opens, secondary.collects.length]).toEqual([2, 2]);
    await collector.close();
    expect(await collector.open()).toMatchObject({ detail: expect.stringContaining("still") });
    expect(primary.opens).toBe(2);
  });

  it("a primary that is ready only after closing is closed and not taken", async () => {
    const { collector, primary, secondary, clock } = await fallenBack();
    let finish: (result: OpenResult) => void = () => undefined;
    primary.opening = () => new Promise((resolve) => (finish = resolve));
    await clock.advance(MINUTE);
    await collector.collect(AT);
    await collector.close();
    finish({ status: "ready", detail: "1 device" });
    await settle();
    expect([primary.closes, secondary.closes]).toEqual([2, 1]);
    await expect(collector.collect(AT)).rejects.toThrow(/no source is open/);
  });
});

describe("what breaks later", () => {
  it("is told as it is, and opening again goes by the same order", async () => {
    const { collector, primary, secondary } = rig();
    await collector.open();
    primary.reading = () => Promise.reject(new AssayError("nvml/library", "driver reset"));
    await expect(collector.collect(AT)).rejects.toThrow("driver reset");
    await collector.close();
    primary.opening = unusable;
    expect(await collector.open()).toMatchObject({ status: "ready" });
    await collector.collect(AT);
    expect(secondary.collects).toEqual([AT]);
  });

  it("is the secondary's too", async () => {
    const { collector, secondary } = await fallenBack();
    secondary.reading = () => Promise.reject(new Error("it died"));
    await expect(collector.collect(AT)).rejects.toThrow("it died");
  });
});
