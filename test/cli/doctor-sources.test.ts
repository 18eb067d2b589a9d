import { describe, expect, it } from "vitest";
import { lookAtSources, type SourcesView } from "../../src/cli/doctor-sources.ts";
import { devicesText, findingText } from "../../src/cli/doctor-text.ts";
import { AssayError } from "../../src/model/errors.ts";
import type { GpuInfo, GpuReadings } from "../../src/model/sample.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { ScriptedCollector } from "../support/scripted-collector.ts";

/** A source of these devices that answers with these readings, the second time with more. */
const source = (name: string, gpus: readonly GpuInfo[], ...readings: GpuReadings[]) => {
  const collector = new ScriptedCollector(name);
  const left = [...readings];
  collector.reading = async (atMs) => {
    const values = left.shift() ?? {};
    return [
      { kind: "node", atMs, node: "n", source: name, simulated: true, intervalMs: 1000, gpus },
      ...gpus.map(({ index }) => ({ kind: "gpu" as const, atMs, gpu: index, ...values })),
    ];
  };
  return collector;
};

async function look(...collectors: ScriptedCollector[]): Promise<SourcesView & { tookMs: number }> {
  const clock = new FakeClock();
  const { wallMs: nowMs, monotonicMs, sleep } = clock;
  let tookMs: number | undefined;
  const looked = lookAtSources(collectors, { nowMs, monotonicMs, sleep }).then((view) => {
    tookMs ??= monotonicMs();
    return view;
  });
  await clock.advance(20_000);
  return { ...(await looked), tookMs: tookMs ?? Number.NaN };
}

const GPU = { index: 0, uuid: "GPU-a", model: "H100" };
const measuredWith = { gpuUtil: "call A", powerWatts: "call B", tempC: "call C" };

describe("what the doctor sees of a source", () => {
  it("is which quantities answered in two readings, a second apart, and by what", async () => {
    const nvml = source("nvml", [{ ...GPU, measuredWith }], { powerWatts: 0 }, { gpuUtil: 0.5 });
    const { devices, findings, sources, tookMs } = await look(nvml);
    expect(tookMs).toBeLessThan(3000);
    expect([nvml.collects.length, nvml.closes]).toEqual([2, 1]);
    expect(findings).toMatchObject([
      { name: "GPU telemetry (NVML)", status: "ok", detail: "1 device; read in 0.0 ms" },
    ]);
    expect(sources).toMatchObject([{ name: "nvml", successes: 2 }]);
    expect(devices).toMatchObject([{ index: 0, uuid: "GPU-a", model: "H100", source: "nvml" }]);
    const status = (name: string) => {
      const found = devices[0]?.quantities.find(({ quantity }) => quantity === name);
      return [found?.status, found?.with];
    };
    expect(status("gpuUtil")).toEqual(["answered", "call A"]);
    expect(status("powerWatts")).toEqual(["answered", "call B"]);
    expect(status("tempC")).toEqual(["silent", "call C"]);
    expect(status("smActive")).toEqual(["unmeasured", undefined]);
  });

  it("is a hint where it is missing or fails, and that is no error", async () => {
    const [gone, bad, good] = [
      new ScriptedCollector("nvml"),
      new ScriptedCollector("dcgm"),
      source("drm", [GPU], { tempC: 40 }),
    ];
    gone.opening = async () => ({ status: "absent", reason: "no driver", hint: "install it" });
    bad.opening = async () => {
      throw new AssayError("nvml/library", "it broke", { hint: "mend it" });
    };
    const { devices, findings } = await look(gone, bad, good);
    expect(findings.map(({ status, detail, hints }) => [status, detail, ...hints])).toEqual([
      ["missing", "no driver", "install it"],
      ["failing", "it broke", "mend it"],
      ["ok", "1 device; read in 0.0 ms"],
    ]);
    expect(devices.map((device) => device.source)).toEqual(["drm"]);
  });

  it("is not waited for longer than five seconds", async () => {
    const hangs = new ScriptedCollector("dcgm");
    hangs.opening = () => new Promise(() => undefined);
    const { findings, tookMs } = await look(hangs);
    expect(findings).toMatchObject([{ status: "failing", detail: expect.stringContaining("5 s") }]);
    expect(tookMs).toBeLessThan(6000);
  });

  it("is said also where there is none", async () => {
    expect((await look()).findings).toMatchObject([
      { status: "missing", detail: "every source is switched off" },
    ]);
  });
});

describe("what the doctor prints", () => {
  it("is one list for devices that are measured alike, in lines that fit a terminal", async () => {
    const hostile = { ...measuredWith, tempC: "\u001b[2J" };
    const gpus = [
      { ...GPU, measuredWith },
      { ...GPU, index: 1, uuid: "GPU-b", measuredWith },
      { ...GPU, index: 2, uuid: "GPU-c\u202e", measuredWith: hostile },
    ];
    const { devices } = await look(source("nvml", gpus, { gpuUtil: 1 }));
    const text = devicesText(devices);
    expect(text.match(/^gpu\d/gm)).toEqual(["gpu0", "gpu1", "gpu2"]);
    expect(text.match(/^ {4}gpuUtil +call A$/gm)).toHaveLength(2);
    expect(text).toContain("no answer in two readings: powerWatts (call B), tempC (call C)\n");
    expect(text).toMatch(/not measured here: [^(]*smActive/);
    for (const char of ["\u001b", "\u202e"]) expect(text).not.toContain(char);
    expect(text.split("\n").filter((line) => line.length > 100)).toEqual([]);
  });

  it("marks what is missing, with hints below", () => {
    const finding = { name: "x", status: "missing", detail: "gone", hints: ["get it"] } as const;
    expect(findingText(finding)).toBe("missing  x: gone\n           hint: get it\n");
    expect(devicesText([])).toBe("");
  });
});
