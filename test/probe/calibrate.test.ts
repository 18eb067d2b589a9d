import { access } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import type { GpuReadings } from "../../src/model/sample.ts";
import {
  calibrate,
  type CalibrateOptions,
  type CalibrationProgress,
} from "../../src/probe/calibrate.ts";
import { describeProbe } from "../../src/probe/describe.ts";
import type { ProbeDevice } from "../../src/probe/device.ts";
import type { ProbePass } from "../../src/probe/protocol.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import { KERNELS } from "../../src/probe/kernels/all.ts";
import type { Kernel } from "../../src/probe/kernels/kernel.ts";
import { sha256dKernel } from "../../src/probe/kernels/sha256d.ts";
import { readShader } from "../../src/probe/shaders.ts";
import { WatchedMemory } from "../support/watched-memory.ts";
import { builtUrl } from "../support/built.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
const childUrl = builtUrl("probe/child.js");
const sleep = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

describe.skipIf(why !== undefined)(`on the software adapter${skipped}`, () => {
  let environment: Record<string, string>;
  beforeAll(async () => {
    ({ environment } = await softwareAdapter());
  });

  const openSoftware = (): Promise<ProbeDevice> =>
    openDevice({ allowSoftware: true, environment, childUrl });

  const GPU = { index: 0, uuid: "GPU-1", model: "NVIDIA T4" };
  const options = (over: Partial<CalibrateOptions> = {}): CalibrateOptions => ({
    openDevice: openSoftware,
    kernels: KERNELS,
    seconds: 0.6,
    telemetry: { gpus: [GPU], read: async () => ({ powerWatts: 70 }) },
    clock: { nowMs: () => Date.now(), monotonicSeconds: () => performance.now() / 1000 },
    sleep,
    random: Math.random,
    match: { largestBytes: 1024 ** 2, limitSeconds: 0 },
    settleSeconds: 0.05,
    baselineSeconds: 0.2,
    intervalSeconds: 0.05,
    ...over,
  });

  /** What devices of `asGpu` hold, as the one GPU's memory shows it. */
  const memory = new WatchedMemory();
  /** A software device that says it is a GPU: what telemetry would do, without a GPU. */
  const asGpu = async (over: Partial<ProbeDevice["adapter"]> = {}): Promise<ProbeDevice> => {
    const device = await openSoftware();
    return memory.watch({
      adapter: { ...device.adapter, software: false, vendor: "nvidia", description: "T4", ...over },
      pid: device.pid,
      prepare: (job) => device.prepare(job),
      launch: (handle, dispatches, expected) => device.launch(handle, dispatches, expected),
      probe: (passes: readonly ProbePass[], expected: number) => device.probe(passes, expected),
      read: (handle: number, binding: number) => device.read(handle, binding),
      release: (handle) => device.release(handle),
      close: () => device.close(),
    });
  };
  /** The hash kernel with a CPU-sized workload whatever the scale. */
  const smallHash: Kernel = {
    ...sha256dKernel,
    verify: async () => undefined,
    workload: (context) => sha256dKernel.workload({ ...context, scale: "software" }),
  };

  test("each kernel has a rate, a unit and the mark of software; no telemetry is read", async () => {
    const progress: CalibrationProgress[] = [];
    const before = Date.now();
    const calibrations = await calibrate(options({ onProgress: (step) => progress.push(step) }));
    expect(calibrations.map(({ kernel, unit }) => [kernel, unit])).toEqual([
      ["sha256d", "hash/s"],
      ["matmul-f32", "FLOP/s"],
    ]);
    for (const calibration of calibrations) {
      expect(calibration).toMatchObject({
        gpuUuid: "software",
        deviceMatch: "software",
        software: true,
        timing: "timestamp",
      });
      // Not part of the match above: an empty object there would match any.
      expect([calibration.telemetry, calibration.baseline]).toEqual([{}, {}]);
      expect(calibration.adapter).toContain("SwiftShader");
      expect(calibration.ratePerSecond).toBeGreaterThan(0);
      expect(calibration.durationSeconds).toBeGreaterThanOrEqual(0.6);
      expect(calibration.atMs).toBeGreaterThanOrEqual(before);
    }
    expect(progress.map(({ kernel, stage }) => `${kernel} ${stage}`)).toEqual([
      "sha256d verify",
      "matmul-f32 verify",
      "sha256d baseline",
      "sha256d run",
      "sha256d done",
      "matmul-f32 baseline",
      "matmul-f32 run",
      "matmul-f32 done",
    ]);
    expect(progress[4]?.calibration).toEqual(calibrations[0]);
  });

  test("a wrong result of one kernel keeps nothing of the others and closes the device", async () => {
    let opened: ProbeDevice | undefined;
    const done: string[] = [];
    const run = calibrate(
      options({
        openDevice: async () => (opened = await openSoftware()),
        shader: async (name) =>
          (await readShader(name)).replace(
            "vec4f(rows.w), columns, sum3",
            "vec4f(rows.z), columns, sum3",
          ),
        onProgress: ({ kernel, stage }) => done.push(`${kernel} ${stage}`),
      }),
    );
    await expect(run).rejects.toMatchObject({
      code: "probe/wrong-result",
      message: expect.stringContaining("matmul-f32"),
    });
    expect(done).toEqual(["sha256d verify", "matmul-f32 verify"]);
    const alive = await access(`/proc/${opened?.pid}`).then(
      () => true,
      () => false,
    );
    expect(opened?.pid).toBeGreaterThan(0);
    expect(alive).toBe(false);
  });

  test.each([
    ["sha256d", "rotate_right(e, 11)", "rotate_right(e, 12)"],
    ["matmul-f32", "vec4f(rows.w), columns", "vec4f(rows.z), columns"],
  ])("a %s that goes wrong only in the long run is not kept either", async (name, from, to) => {
    const kernels = KERNELS.filter((kernel) => kernel.name === name).map((kernel) => ({
      ...kernel,
      verify: async () => undefined,
    }));
    const shader = async (file: string): Promise<string> => {
      const code = await readShader(file);
      expect(code).toContain(from);
      return code.replace(from, to);
    };
    await expect(calibrate(options({ kernels, shader, seconds: 0.1 }))).rejects.toMatchObject({
      code: "probe/wrong-result",
    });
  });

  test("telemetry while running and baseline before are told apart, absent stays absent", async () => {
    let running = false;
    const read = async (uuid: string): Promise<GpuReadings> => {
      expect(uuid).toBe(GPU.uuid);
      const memUsedBytes = memory.usedBytes;
      return running
        ? { powerWatts: 60, gpuUtil: 1, memUsedBytes }
        : { powerWatts: 10, memUtil: undefined, memUsedBytes };
    };
    const [calibration] = await calibrate(
      options({
        openDevice: () => asGpu(),
        kernels: [smallHash],
        telemetry: { gpus: [GPU], read },
        onProgress: ({ stage }) => {
          running = stage === "run";
        },
      }),
    );
    expect(calibration).toMatchObject({
      gpuUuid: "GPU-1",
      deviceMatch: "memory-seen",
      software: false,
      baseline: { powerWatts: 10 },
      telemetry: { powerWatts: 60, gpuUtil: 1 },
    });
    expect(calibration?.baseline).not.toHaveProperty("gpuUtil");
    expect(calibration?.baseline).not.toHaveProperty("memUtil");
  });

  test("where nothing but memory can be read there is a rate all the same", async () => {
    const [calibration] = await calibrate(
      options({
        openDevice: () => asGpu(),
        kernels: [smallHash],
        telemetry: { gpus: [GPU], read: async () => ({ memUsedBytes: memory.usedBytes }) },
      }),
    );
    expect(Object.keys(calibration?.telemetry ?? {})).toEqual(["memUsedBytes"]);
    expect(calibration?.ratePerSecond).toBeGreaterThan(0);
  });

  test("a device that cannot be tied to a GPU is not measured", async () => {
    const twins = [GPU, { ...GPU, index: 1, uuid: "GPU-2" }];
    const started: string[] = [];
    const run = calibrate(
      options({
        openDevice: () => asGpu(),
        telemetry: { gpus: twins, read: async () => ({ memUsedBytes: memory.usedBytes }) },
        onProgress: ({ kernel }) => started.push(kernel),
      }),
    );
    await expect(run).rejects.toMatchObject({ code: "probe/no-match" });
    expect(started).toEqual([]);
  });

  test("a device that dies while measured is a crash", async () => {
    let pid = 0;
    const run = calibrate(
      options({
        kernels: [smallHash],
        seconds: 20,
        openDevice: async () => {
          const device = await openSoftware();
          pid = device.pid;
          return device;
        },
        onProgress: ({ stage }) => {
          if (stage === "run") setTimeout(() => process.kill(pid, "SIGKILL"), 50);
        },
      }),
    );
    await expect(run).rejects.toMatchObject({ code: "probe/crashed" });
  });

  describe("for doctor", () => {
    const system = { root: "/nonexistent", environment: {} };

    test("a software adapter is named as one, with what a GPU would need", async () => {
      const description = await describeProbe(openSoftware, system);
      expect(description).toMatchObject({ status: "software", adapter: { software: true } });
      expect(description.detail).toContain("SwiftShader");
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
