import { access } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { calibrate } from "../../src/probe/calibrate.ts";
import type { CalibrateOptions, CalibrationProgress } from "../../src/probe/calibration-types.ts";
import { describeProbe } from "../../src/probe/describe.ts";
import type { ProbeDevice } from "../../src/probe/device.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import { builtUrl } from "../support/built.ts";
import { DOUBLING, doublingKernel } from "../support/doubling-kernel.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
const childUrl = builtUrl("probe/child.js");
const sleep = (seconds: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });

const said = (progress: CalibrationProgress): string =>
  "kernel" in progress ? `${progress.kernel} ${progress.stage}` : progress.stage;

describe.skipIf(why !== undefined)(`on the software adapter${skipped}`, () => {
  let environment: Record<string, string>;
  beforeAll(async () => {
    ({ environment } = await softwareAdapter());
  });

  const openSoftware = (options: { robustness?: boolean } = {}): Promise<ProbeDevice> =>
    openDevice({ ...options, allowSoftware: true, environment, childUrl });

  const SOFTWARE = { gpuUuid: "software", deviceMatch: "software" } as const;
  const confirmed: CalibrateOptions["open"] = async (each) => ({
    device: await openSoftware(each),
    match: SOFTWARE,
  });

  const GPU = { index: 0, uuid: "GPU-1", model: "NVIDIA T4" };
  const options = (over: Partial<CalibrateOptions> = {}): CalibrateOptions => ({
    open: confirmed,
    kernels: [doublingKernel({ name: "first" }), doublingKernel({ name: "second" })],
    seconds: 0.2,
    maxRounds: 2,
    telemetry: { gpus: [GPU], read: async () => ({ powerWatts: 70 }) },
    clock: { nowMs: () => Date.now(), monotonicSeconds: () => performance.now() / 1000 },
    sleep,
    random: Math.random,
    shader: async () => DOUBLING,
    settleSeconds: 0.05,
    baselineSeconds: 0.1,
    intervalSeconds: 0.05,
    ...over,
  });

  /** A software device that says it is a GPU: what `doctor` would say, without a GPU. */
  const asGpu = async (over: Partial<ProbeDevice["adapter"]> = {}): Promise<ProbeDevice> => {
    const device = await openSoftware();
    const adapter = { ...device.adapter, software: false, vendor: "nvidia", device: "T4" };
    Object.defineProperty(device, "adapter", { value: { ...adapter, ...over } });
    return device;
  };

  test("each kernel has a rate, its shape and the mark of software; no telemetry is read", async () => {
    const steps: string[] = [];
    const before = Date.now();
    const run = await calibrate(options({ onProgress: (step) => steps.push(said(step)) }));
    expect(run).toMatchObject({ watched: "software", failed: [], lacking: [] });
    expect(run.stopped).toBeUndefined();
    expect(run.energyJoules).toBeUndefined();
    expect(run.calibrations.map(({ kernel, unit }) => [kernel, unit])).toEqual([
      ["first", "op/s"],
      ["second", "op/s"],
    ]);
    for (const calibration of run.calibrations) {
      expect(calibration).toMatchObject({
        gpuUuid: "software",
        deviceMatch: "software",
        software: true,
        timing: "timestamp",
        family: "alu",
        measures: "int32-op",
        cost: { "int32-op": 1 },
        variant: { WORKGROUP: 64 },
      });
      // Not part of the match above: an empty object there would match any.
      expect([calibration.telemetry, calibration.baseline]).toEqual([{}, {}]);
      expect(calibration.joulesPerUnit).toBeUndefined();
      expect(calibration.adapter).toContain("swiftshader");
      expect(calibration.ratePerSecond).toBeGreaterThan(0);
      expect(calibration.durationSeconds).toBeGreaterThanOrEqual(0.2);
      expect(calibration.atMs).toBeGreaterThanOrEqual(before);
    }
    const spent = run.calibrations.reduce((sum, { gpuSeconds = 0 }) => sum + gpuSeconds, 0);
    expect(run.gpuSeconds).toBeCloseTo(spent, 9);
    const stages = ["verify", "prepare", "run", "check", "done"];
    expect(steps).toEqual([
      "open",
      ...stages.map((stage) => `first ${stage}`),
      ...stages.map((stage) => `second ${stage}`),
    ]);
  });

  test("a kernel that computes wrongly, or does not compile, spoils none of the others", async () => {
    let opened: ProbeDevice[] = [];
    const shaders: Record<string, string> = {
      "wrong.wgsl": DOUBLING.replace("2u * id.x", "3u * id.x"),
      "broken.wgsl": DOUBLING.replace("2u * id.x", "2u * nothing"),
      "good.wgsl": DOUBLING,
    };
    const run = await calibrate(
      options({
        open: async (each) => {
          const { device, match } = await confirmed(each);
          opened = [...opened, device];
          return { device, match };
        },
        kernels: ["wrong", "broken", "good"].map((name) => doublingKernel({ name })),
        shader: async (name) => shaders[name] ?? "",
      }),
    );
    expect(run.failed).toMatchObject([
      { kernel: "wrong", error: { code: "probe/wrong-result" } },
      { kernel: "broken", error: { code: "probe/refused" } },
    ]);
    expect(run.calibrations.map(({ kernel }) => kernel)).toEqual(["good"]);
    expect(opened).toHaveLength(2);
    for (const { pid } of opened) {
      const alive = await access(`/proc/${pid}`).then(
        () => true,
        () => false,
      );
      expect(alive).toBe(false);
    }
  });

  test("a result that goes wrong only in the long run is not kept", async () => {
    const run = await calibrate(
      options({
        kernels: [doublingKernel({ name: "late", verify: async () => undefined })],
        shader: async () => DOUBLING.replace("2u * id.x", "2u * id.x + id.x / 900u"),
      }),
    );
    expect(run.calibrations).toEqual([]);
    expect(run.failed).toMatchObject([{ error: { code: "probe/wrong-result" } }]);
  });

  test("a device that dies ends it; the kernels measured before are kept", async () => {
    const pids: number[] = [];
    const run = await calibrate(
      options({
        open: async (each) => {
          const { device, match } = await confirmed(each);
          pids.push(device.pid);
          return { device, match };
        },
        onProgress: (step) => {
          if (said(step) === "second run") process.kill(pids[1] ?? 0, "SIGKILL");
        },
      }),
    );
    expect(run.stopped).toMatchObject({ code: "probe/crashed" });
    expect(run.calibrations.map(({ kernel }) => kernel)).toEqual(["first"]);
  });

  describe("for doctor", () => {
    const system = { root: "/nonexistent", environment: {} };

    test("a software adapter is named as one, with what a GPU would need", async () => {
      const description = await describeProbe(openSoftware, system);
      expect(description).toMatchObject({ status: "software", adapter: { software: true } });
      expect(description.detail).toContain("swiftshader");
      expect(description.hints.length).toBeGreaterThan(0);
    });

    test("a GPU is ready, and says who times it", async () => {
      expect(await describeProbe(() => asGpu(), system)).toMatchObject({
        status: "ready",
        detail: "T4 (nvidia), timed by the device",
        hints: [],
      });
      expect(await describeProbe(() => asGpu({ timestamps: false }), system)).toMatchObject({
        detail: "T4 (nvidia), timed by the host's clock",
      });
    });

    test("no adapter is unavailable, and the hints are about this system", async () => {
      const none = { VK_DRIVER_FILES: "/nonexistent.json", VK_ICD_FILENAMES: "/nonexistent.json" };
      const open = () =>
        openDevice({ allowSoftware: true, environment: { ...environment, ...none }, childUrl });
      const description = await describeProbe(open, system);
      expect(description.status).toBe("unavailable");
      expect(description.hints.join()).toContain("libvulkan.so.1");
    });

    test("a device process that dies is failing", async () => {
      const open = () => openDevice({ allowSoftware: true, childUrl: builtUrl("probe/absent.js") });
      expect(await describeProbe(open, system)).toMatchObject({ status: "failing" });
    });
  });
});
