import { describe, expect, test } from "vitest";
import type { GpuReadings, ProcessSighting } from "../../src/model/sample.ts";
import { calibrate } from "../../src/probe/calibrate.ts";
import type {
  CalibrateOptions,
  CalibrationProgress,
  OpenedDevice,
} from "../../src/probe/calibration-types.ts";
import type { GpuLook } from "../../src/probe/telemetry.ts";
import { DreamClock, DreamtDevice, scriptedKernel, SHADER } from "../support/dreamt-device.ts";
import { seeded } from "../support/seeded.ts";

const GPU = {
  index: 0,
  uuid: "GPU-1",
  model: "NVIDIA T4",
  driverVersion: "570.10",
  powerLimitWatts: 70,
};
const OWN = [100, 101];
const MATCH: OpenedDevice["match"] = { gpuUuid: "GPU-1", deviceMatch: "pid-and-memory" };
const own = OWN.map((pid): ProcessSighting => ({ pid, smUtil: 0.5, startTimeMs: 1 }));
const ALICE: ProcessSighting = { pid: 7, comm: "python\u{1b}[31m", user: "alice", smUtil: 0.9 };

/** A GPU with a script: what it shows at which second, and a calibration on it. */
const rig = (over: Partial<CalibrateOptions> = {}) => {
  const clock = new DreamClock();
  const devices: DreamtDevice[] = [];
  const notes: CalibrationProgress[] = [];
  const isOpen = () => devices.some(({ closed }) => !closed);
  const isRunning = () => devices.some(({ launches }) => launches.length > 0);
  const script = {
    /** Others on the GPU at a second, and how busy it is while nothing of ours runs. */
    others: (_seconds: number): readonly ProcessSighting[] | undefined => [],
    idleUtil: (_seconds: number): number | undefined => 0,
    idleWatts: (_seconds: number): number => 10,
  };
  const look = async (): Promise<GpuLook> => {
    const others = script.others(clock.seconds);
    const readings: GpuReadings = isRunning()
      ? { powerWatts: 60, gpuUtil: 1, energyJoules: undefined }
      : { powerWatts: script.idleWatts(clock.seconds), gpuUtil: script.idleUtil(clock.seconds) };
    return { readings, processes: others && [...(isOpen() ? own : []), ...others] };
  };
  const options: CalibrateOptions = {
    open: async ({ started }) => {
      const device = new DreamtDevice(clock, OWN[devices.length]);
      started(device.pid);
      devices.push(device);
      return { device, match: MATCH };
    },
    kernels: [scriptedKernel({ name: "first" }), scriptedKernel({ name: "second" })],
    seconds: 5,
    telemetry: {
      gpus: [GPU],
      look,
      read: async () => (await look()).readings,
      pids: async () => ((await look()).processes ?? []).map(({ pid }) => pid),
    },
    clock: { nowMs: () => 1000 * clock.seconds, monotonicSeconds: clock.now },
    sleep: clock.sleep,
    random: seeded(1),
    shader: async () => SHADER,
    onProgress: (step) => notes.push(step),
    ...over,
  };
  return { clock, devices, notes, script, options };
};

const kernelsOf = (run: Awaited<ReturnType<typeof calibrate>>) =>
  run.calibrations.map(({ kernel }) => kernel);

describe("a calibration of an idle GPU", () => {
  test("keeps what was read while the kernel ran, and the baseline before, apart", async () => {
    const { options, clock } = rig();
    const run = await calibrate(options);
    expect(run).toMatchObject({ stopped: undefined, watched: "processes" });
    expect(kernelsOf(run)).toEqual(["first", "second"]);
    for (const calibration of run.calibrations)
      expect(calibration).toMatchObject({
        gpuUuid: "GPU-1",
        software: false,
        baseline: { powerWatts: 10, gpuUtil: 0 },
        telemetry: { powerWatts: 60, gpuUtil: 1 },
        driverVersion: "570.10",
        powerLimitWatts: 70,
        // 60 W at 100,000 hashes a second.
        joulesPerUnit: expect.closeTo(60 / 100_000, 9),
      });
    // Kernels run nearly all the time: what they took adds up to it, and so does the energy.
    expect(run.gpuSeconds).toBeGreaterThan(10);
    expect(run.gpuSeconds).toBeLessThan(run.wallSeconds);
    expect(run.wallSeconds).toBeCloseTo(clock.seconds - 100, 6);
    const [first, second] = run.calibrations;
    const energy = (first?.energyJoules ?? 0) + (second?.energyJoules ?? 0);
    expect(energy).toBeGreaterThan(600);
    expect(run.energyJoules).toBeGreaterThan(energy);
  });

  test("does not count the time in which the board comes to rest into the baseline", async () => {
    const { options, script } = rig({ kernels: [], gpuUuid: "GPU-1" });
    // Idle since second 102, when the device is opened: settled five seconds later.
    script.idleWatts = (seconds) => (seconds < 107 ? 40 : 10);
    const run = await calibrate({ ...options, kernels: [scriptedKernel()] });
    expect(run.calibrations[0]?.baseline).toMatchObject({ powerWatts: 10 });
  });

  test("takes the driver's own count of energy where there is one", async () => {
    const { options, clock } = rig();
    const counted = async (): Promise<GpuLook> => ({
      readings: { gpuUtil: 0, powerWatts: 1, energyJoules: 500 * clock.seconds },
      processes: [],
    });
    const telemetry = { ...options.telemetry, look: counted };
    const run = await calibrate({ ...options, telemetry });
    const seconds = (run.energyJoules ?? 0) / 500;
    expect(seconds).toBeGreaterThan(run.wallSeconds - 5);
    expect(seconds).toBeLessThanOrEqual(run.wallSeconds);
  });

  test("leaves out what was not measured, and says that nobody could be watched", async () => {
    const { options, notes } = rig();
    const blind = { gpus: [GPU], read: async () => undefined };
    const run = await calibrate({ ...options, telemetry: blind });
    expect(run.watched).toBe("nothing");
    expect(run.energyJoules).toBeUndefined();
    for (const { telemetry, baseline, joulesPerUnit, energyJoules } of run.calibrations)
      expect([telemetry, baseline, joulesPerUnit, energyJoules]).toEqual([
        {},
        {},
        undefined,
        undefined,
      ]);
    expect(notes).toContainEqual({ stage: "note", text: expect.stringContaining("nothing here") });
  });

  test("tells of its processes as they start, and of the GPU before a kernel runs there", async () => {
    const { options, devices } = rig();
    const told: unknown[] = [];
    await calibrate({
      ...options,
      onStarted: (pid) => told.push([pid, devices.length]),
      onMatched: async ({ gpuUuid }) => {
        told.push([gpuUuid, devices.flatMap(({ launches }) => launches)]);
      },
    });
    expect(told).toEqual([
      [100, 0],
      [101, 1],
      ["GPU-1", []],
    ]);
  });

  test("is refused where the two processes are on two GPUs", async () => {
    const { options, devices } = rig();
    const open: CalibrateOptions["open"] = async (how) => {
      const { device } = await options.open(how);
      return { device, match: { ...MATCH, gpuUuid: `GPU-${devices.length}` } };
    };
    await expect(calibrate({ ...options, open })).rejects.toMatchObject({ code: "probe/no-match" });
    expect(devices.map(({ closed }) => closed)).toEqual([true, true]);
  });

  test("is refused on another GPU than the one that was asked for", async () => {
    const { options, devices } = rig({ gpuUuid: "GPU-9" });
    await expect(calibrate(options)).rejects.toMatchObject({ code: "probe/no-match" });
    expect(devices.every(({ closed, launches }) => closed && launches.length === 0)).toBe(true);
  });
});

describe("a GPU that is in use", () => {
  test("is refused at once where nobody may wait, with who is on it", async () => {
    const { options, script, devices, clock } = rig({ waitSeconds: 0, gpuUuid: "GPU-1" });
    script.others = () => [ALICE];
    const run = calibrate(options);
    await expect(run).rejects.toMatchObject({
      code: "probe/busy",
      message: expect.stringContaining("pid 7 (python\\u{1b}[31m, alice)"),
    });
    expect(devices).toEqual([]);
    expect(clock.seconds).toBe(100);
  });

  test("is waited for, and calibrated when it becomes free", async () => {
    const { options, script, notes } = rig({ waitSeconds: 60, gpuUuid: "GPU-1" });
    script.others = (seconds) => (seconds < 130 ? [ALICE] : []);
    expect(kernelsOf(await calibrate(options))).toEqual(["first", "second"]);
    const waits = notes.filter(({ stage }) => stage === "waiting");
    expect(waits).toHaveLength(1);
  });

  test("is refused when the time to wait is over, and not before", async () => {
    const { options, script, clock } = rig({ waitSeconds: 60, gpuUuid: "GPU-1" });
    script.idleUtil = () => 0.3;
    await expect(calibrate(options)).rejects.toMatchObject({
      code: "probe/busy",
      message: expect.stringContaining("30 % busy, by whom cannot be seen"),
    });
    expect(clock.seconds).toBeGreaterThan(158);
    expect(clock.seconds).toBeLessThanOrEqual(160);
  });

  test.each([
    [0.04, true],
    [0.05, false],
  ])("at a utilisation of %s is free: %s", async (util, isFree) => {
    const { options, script } = rig({ gpuUuid: "GPU-1" });
    script.idleUtil = () => util;
    const run = calibrate(options).then(
      () => true,
      () => false,
    );
    expect(await run).toBe(isFree);
  });

  test("by somebody who only holds memory is free, and he is named", async () => {
    const { options, script, notes } = rig();
    script.others = () => [{ pid: 9, comm: "Xorg", memUsedBytes: 1e9 }];
    expect(kernelsOf(await calibrate(options))).toHaveLength(2);
    expect(notes).toContainEqual({ stage: "note", text: expect.stringContaining("pid 9 (Xorg)") });
  });

  test("is busy where its activity is not measured and somebody is on it", async () => {
    const { options, script } = rig({ gpuUuid: "GPU-1" });
    script.idleUtil = () => undefined;
    expect(kernelsOf(await calibrate(options))).toHaveLength(2);
    const taken = rig({ gpuUuid: "GPU-1" });
    taken.script.idleUtil = () => undefined;
    taken.script.others = () => [{ pid: 9 }];
    await expect(calibrate(taken.options)).rejects.toMatchObject({ code: "probe/busy" });
  });

  test("is no longer waited for when somebody asks to stop", async () => {
    const stop = new AbortController();
    const { options, script } = rig({ waitSeconds: 60, gpuUuid: "GPU-1", signal: stop.signal });
    script.others = (seconds) => {
      if (seconds >= 110) stop.abort();
      return [ALICE];
    };
    await expect(calibrate(options)).rejects.toMatchObject({ code: "probe/interrupted" });
  });
});

describe("somebody who comes while it is calibrated", () => {
  /** The second at which the second kernel runs. */
  const AT = 118;

  test.each([
    ["a new process", (): ProcessSighting[] => [{ pid: 7, comm: "python" }], "pid 7 (python)"],
    ["a pid that is now another process", () => [{ pid: 9, startTimeMs: 9 }], "pid 9"],
    ["use by one who was there", () => [{ pid: 9, startTimeMs: 5, smUtil: 0.5 }], "pid 9"],
  ])("as %s gets the GPU within a launch; the first kernel is kept", async (_, others, who) => {
    const { options, script, clock, devices } = rig();
    script.others = (seconds) =>
      seconds < AT ? [{ pid: 9, startTimeMs: 5, memUsedBytes: 1 }] : others();
    const run = await calibrate(options);
    expect(run.stopped).toMatchObject({
      code: "probe/interrupted",
      message: expect.stringContaining(who),
    });
    expect(kernelsOf(run)).toEqual(["first"]);
    expect(devices.every(({ closed }) => closed)).toBe(true);
    // The look comes every half second, a launch takes a quarter.
    expect(clock.seconds).toBeLessThan(AT + 1);
    expect(run.gpuSeconds).toBeGreaterThan(run.calibrations[0]?.gpuSeconds ?? 0);
  });

  test("with work that nobody can see is noticed before the first kernel", async () => {
    const { options, script } = rig();
    script.others = () => undefined;
    script.idleUtil = (seconds) => (seconds < 108 ? 0 : 0.8);
    const run = await calibrate(options);
    expect(run.stopped).toMatchObject({ code: "probe/interrupted" });
    expect(run.calibrations).toEqual([]);
  });

  test("is not one who leaves, one who was there, or one who is known only by an earlier end", async () => {
    const { options, script } = rig();
    script.others = (seconds) =>
      seconds < AT
        ? [{ pid: 9, smUtil: 0.02 }, { pid: 10 }]
        : [
            { pid: 9, smUtil: 0.04, startTimeMs: 3 },
            { pid: 11, exited: true },
          ];
    const run = await calibrate(options);
    expect(run.stopped).toBeUndefined();
    expect(kernelsOf(run)).toHaveLength(2);
  });

  test("is not ourselves under pids of another namespace", async () => {
    const { options } = rig({ gpuUuid: "GPU-1" });
    const elsewhere = own.map(({ pid }) => ({ pid: pid + 90_000, smUtil: 0.9 }));
    const { telemetry, open } = options;
    const look = async (): Promise<GpuLook> => {
      const seen = await telemetry.look?.("GPU-1");
      const isOurs = seen?.processes?.some(({ pid }) => OWN.includes(pid)) ?? false;
      return { readings: seen?.readings, processes: isOurs ? elsewhere : [] };
    };
    const run = await calibrate({
      ...options,
      open: async (how) => ({
        ...(await open(how)),
        match: { ...MATCH, deviceMatch: "memory-seen" },
      }),
      telemetry: { ...telemetry, look },
    });
    expect(run.stopped).toBeUndefined();
    expect(kernelsOf(run)).toHaveLength(2);
  });

  test("under a number that is ours in another namespace is no less a newcomer", async () => {
    const { options, script } = rig();
    const { open } = options;
    const blind: CalibrateOptions["open"] = async (how) => ({
      ...(await open(how)),
      match: { ...MATCH, deviceMatch: "memory-seen" },
    });
    const look = async (): Promise<GpuLook> => ({
      readings: (await options.telemetry.look?.("GPU-1"))?.readings,
      processes: script.others(0) ?? [],
    });
    let looks = 0;
    script.others = () => (looks++ < 20 ? [] : [{ pid: OWN[0] ?? 0 }]);
    const run = await calibrate({
      ...options,
      open: blind,
      telemetry: { ...options.telemetry, look },
    });
    expect(run.stopped).toMatchObject({ code: "probe/interrupted" });
  });

  test("asks to stop: whole kernels are kept", async () => {
    const stop = new AbortController();
    const { options, script } = rig({ signal: stop.signal });
    script.others = (seconds) => {
      if (seconds >= AT) stop.abort();
      return [];
    };
    const run = await calibrate(options);
    expect(run.stopped).toMatchObject({ code: "probe/interrupted" });
    expect(kernelsOf(run)).toEqual(["first"]);
  });
});
