import { describe, expect, test } from "vitest";
import { AssayError } from "../../src/model/errors.ts";
import { wrongResult } from "../../src/probe/kernels/kernel.ts";
import { buildOf } from "../../src/probe/kernels/variant.ts";
import { measureKernel, type MeasureOptions } from "../../src/probe/measure.ts";
import { openMeasuringDevices } from "../../src/probe/measuring-devices.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import { builtUrl } from "../support/built.ts";
import { DOUBLING, doublingKernel } from "../support/doubling-kernel.ts";
import {
  crashed,
  DreamClock,
  refused,
  DreamtDevice,
  scriptedKernel,
  SHADER,
} from "../support/dreamt-device.ts";
import { seeded } from "../support/seeded.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";

const rig = () => {
  const clock = new DreamClock();
  const device = new DreamtDevice(clock);
  const options = (over: Partial<MeasureOptions> = {}): MeasureOptions => ({
    random: seeded(1),
    now: clock.now,
    seconds: 1,
    maxRounds: 5,
    targetSpread: 0.02,
    shader: async () => SHADER,
    ...over,
  });
  return { clock, device, options };
};

describe("measuring a kernel", () => {
  test("verifies, runs one round where the rate is steady, and counts all GPU time", async () => {
    const { device, options } = rig();
    const stages: string[] = [];
    const outcome = await measureKernel(
      device,
      scriptedKernel(),
      options({ onStage: (stage) => stages.push(stage) }),
    );
    expect(outcome).toMatchObject({
      kind: "measured",
      rounds: 1,
      seconds: expect.closeTo(1.12, 6),
    });
    if (outcome.kind !== "measured") return;
    expect(outcome.summary.ratePerSecond).toBeCloseTo(100_000, 3);
    expect(outcome.build).toEqual(buildOf(SHADER, { WORKGROUP: 64 }));
    // One dispatch to verify, the pace by doubling, the round: everything that was launched.
    const dispatches = device.launches.reduce((sum, each) => sum + each.dispatches, 0);
    expect(outcome.gpuSeconds).toBeCloseTo(dispatches * 0.01, 9);
    expect(device.open.size).toBe(0);
    expect(stages).toEqual(["verify", "prepare", "run", "check"]);
  });

  test("no launch lasts longer than a quarter of a second once the pace is known", async () => {
    const { device, options } = rig();
    await measureKernel(device, scriptedKernel(), options());
    expect(Math.max(...device.launches.map(({ dispatches }) => dispatches))).toBe(16);
  });

  test("goes on in rounds while the rate is unsteady, and ends at the last one", async () => {
    const { device, options } = rig();
    device.factorOf = (launch) => (launch % 2 === 0 ? 1 : 1.2);
    const rounds: number[] = [];
    const outcome = await measureKernel(
      device,
      scriptedKernel(),
      options({
        around: (run) => {
          rounds.push(device.launches.length);
          return run();
        },
      }),
    );
    expect(outcome).toMatchObject({ kind: "measured", rounds: 5 });
    expect(rounds).toHaveLength(5);
    if (outcome.kind === "measured") expect(outcome.summary.rateSpread).toBeGreaterThan(0.1);
  });

  test("ends as soon as launches that settle outweigh those that did not", async () => {
    const { device, options } = rig();
    // Verification and pace are six launches; then four of the first round are slow.
    device.factorOf = (launch) => (launch < 8 ? 1.3 : 1);
    const outcome = await measureKernel(device, scriptedKernel(), options({ maxRounds: 50 }));
    expect(outcome).toMatchObject({ kind: "measured" });
    if (outcome.kind !== "measured") return;
    expect(outcome.rounds).toBeGreaterThan(1);
    expect(outcome.rounds).toBeLessThan(10);
    expect(outcome.summary.ratePerSecond).toBeCloseTo(100_000, 3);
  });

  test("uses the shape that the search chose, and counts what the search took", async () => {
    const { device, options } = rig();
    const outcome = await measureKernel(
      device,
      scriptedKernel({ verify: async () => undefined }),
      options({
        seconds: 0.01,
        maxRounds: 1,
        tuning: {
          choose: async (on, _, code) => {
            await on.launch(0, 1000, 0);
            return buildOf(code, { WORKGROUP: 128 });
          },
        },
      }),
    );
    expect(outcome).toMatchObject({ kind: "measured", build: { variant: { WORKGROUP: 128 } } });
    if (outcome.kind === "measured") expect(outcome.gpuSeconds).toBeGreaterThan(10);
  });

  test("verifies on the device with checks and measures on the other; both are counted", async () => {
    const { clock, device, options } = rig();
    const checked = new DreamtDevice(clock, 4712);
    const outcome = await measureKernel(device, scriptedKernel(), options({ checked }));
    expect(checked.launches).toEqual([{ handle: 0, dispatches: 1 }]);
    const dispatches = device.launches.reduce((sum, each) => sum + each.dispatches, 1);
    if (outcome.kind !== "measured") throw new Error(outcome.kind);
    expect(outcome.gpuSeconds).toBeCloseTo(dispatches * 0.01, 9);
  });

  test("counts a table that the device computes itself by the clock", async () => {
    const { device, options } = rig();
    device.preparing = 7;
    const kernel = scriptedKernel({ verify: async () => undefined });
    const step = {
      code: "",
      entryPoint: "fill",
      workgroups: [1, 1, 1] as [number, number, number],
    };
    const plain = await measureKernel(device, kernel, options());
    const withTable = await measureKernel(
      device,
      {
        ...kernel,
        workload: (context) => {
          const workload = kernel.workload(context);
          return { ...workload, job: { ...workload.job, setup: [step] } };
        },
      },
      options(),
    );
    if (plain.kind !== "measured" || withTable.kind !== "measured") throw new Error("not measured");
    expect(withTable.gpuSeconds - plain.gpuSeconds).toBeCloseTo(7, 6);
  });
});

describe("a kernel that cannot be measured", () => {
  test("for lack of something takes nothing of the device", async () => {
    const { device, options } = rig();
    const kernel = scriptedKernel({ lacks: () => "no shader-f16" });
    expect(await measureKernel(device, kernel, options())).toEqual({
      kind: "lacking",
      kernel,
      reason: "no shader-f16",
    });
    expect(device.launches).toEqual([]);
  });

  test.each([
    ["is refused in verification", { verify: () => Promise.reject(refused()) }, "probe/refused"],
    [
      "computes wrongly",
      { verify: () => Promise.reject(wrongResult("x", "y")) },
      "probe/wrong-result",
    ],
    [
      "throws what nobody foresaw",
      { verify: () => Promise.reject(new TypeError("z")) },
      "probe/refused",
    ],
    ["has no such constant", { variants: () => [{ ABSENT: 1 }] }, "probe/refused"],
  ] as const)("because it %s is an outcome of its own", async (_, over, code) => {
    const { device, options } = rig();
    const outcome = await measureKernel(device, scriptedKernel(over as object), options());
    expect(outcome).toMatchObject({ kind: "failed", error: { code } });
    expect(device.open.size).toBe(0);
  });

  test("because its result is wrong after the run leaves nothing prepared, and is counted", async () => {
    const { device, options } = rig();
    const kernel = scriptedKernel();
    const outcome = await measureKernel(
      device,
      {
        ...kernel,
        workload: (context) => ({
          ...kernel.workload(context),
          check: () => Promise.reject(wrongResult("x", "late")),
        }),
      },
      options(),
    );
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "probe/wrong-result" } });
    if (outcome.kind === "failed") expect(outcome.gpuSeconds).toBeGreaterThan(1);
    expect(device.open.size).toBe(0);
  });

  test("because the memory does not suffice leaves nothing prepared", async () => {
    const { device, options } = rig();
    device.onPrepare = ({ label }) => {
      if (label !== "verify") throw refused();
    };
    const outcome = await measureKernel(device, scriptedKernel(), options());
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "probe/refused" } });
    expect(device.open.size).toBe(0);
  });

  test("because the device died is no outcome: it is thrown", async () => {
    const { device, options } = rig();
    device.onLaunch = (launch) => {
      if (launch === 3) throw crashed();
    };
    await expect(measureKernel(device, scriptedKernel(), options())).rejects.toMatchObject({
      code: "probe/crashed",
    });
  });
});

describe("an abort", () => {
  const reason = new AssayError("probe/interrupted", "somebody came");

  test.each([0, 1, 4, 9])(
    "at launch %i ends after it, releases, and throws its reason",
    async (at) => {
      const { device, options } = rig();
      const stop = new AbortController();
      device.onLaunch = (launch) => {
        if (launch === at) stop.abort(reason);
      };
      const run = measureKernel(device, scriptedKernel(), options({ signal: stop.signal }));
      await expect(run).rejects.toBe(reason);
      expect(device.launches).toHaveLength(at + 1);
      expect(device.open.size).toBe(0);
    },
  );

  test("does not wait for a launch that never ends", async () => {
    const { device, options } = rig();
    const stop = new AbortController();
    device.onLaunch = (launch) => {
      if (launch !== 5) return undefined;
      setImmediate(() => stop.abort(reason));
      return new Promise(() => undefined);
    };
    const run = measureKernel(device, scriptedKernel(), options({ signal: stop.signal }));
    await expect(run).rejects.toBe(reason);
  });

  test("before the start touches nothing", async () => {
    const { device, options } = rig();
    const run = measureKernel(
      device,
      scriptedKernel(),
      options({ signal: AbortSignal.abort(reason) }),
    );
    await expect(run).rejects.toBe(reason);
    expect(device.launches).toEqual([]);
  });
});

describe("two devices to measure with", () => {
  test("are one with checks and one without, and both are closed", async () => {
    const clock = new DreamClock();
    const opened: [boolean, DreamtDevice][] = [];
    const devices = await openMeasuringDevices(async ({ robustness }) => {
      const device = new DreamtDevice(clock, opened.length + 1);
      opened.push([robustness, device]);
      return device;
    });
    expect(opened.map(([robustness]) => robustness)).toEqual([true, false]);
    expect([devices.checked.pid, devices.unchecked.pid]).toEqual([1, 2]);
    await devices.close();
    expect(opened.every(([, device]) => device.closed)).toBe(true);
  });

  test.each([
    ["cannot be opened", undefined, "probe/refused"],
    ["is another adapter", { description: "GeForce" }, "probe/no-match"],
  ])("leave nothing behind where the second one %s", async (_, adapter, code) => {
    const clock = new DreamClock();
    const opened: DreamtDevice[] = [];
    const open = openMeasuringDevices(async ({ robustness }) => {
      if (!robustness && !adapter) throw refused();
      const device = new DreamtDevice(clock, 1, robustness ? {} : adapter);
      opened.push(device);
      return device;
    });
    await expect(open).rejects.toMatchObject({ code });
    expect(opened.length).toBeGreaterThan(0);
    expect(opened.every(({ closed }) => closed)).toBe(true);
  });
});

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;

describe.skipIf(why !== undefined)(`on the software adapter${skipped}`, () => {
  test("a real kernel is verified with checks and measured without", async () => {
    const { environment } = await softwareAdapter();
    const childUrl = builtUrl("probe/child.js");
    const devices = await openMeasuringDevices((options) =>
      openDevice({ ...options, allowSoftware: true, environment, childUrl }),
    );
    try {
      const outcome = await measureKernel(devices.unchecked, doublingKernel(), {
        shader: async () => DOUBLING,
        random: seeded(3),
        now: () => performance.now() / 1000,
        seconds: 0.1,
        maxRounds: 2,
        targetSpread: 0.02,
        checked: devices.checked,
      });
      expect(outcome).toMatchObject({ kind: "measured", summary: { timing: "timestamp" } });
      if (outcome.kind === "measured") expect(outcome.summary.ratePerSecond).toBeGreaterThan(100);
    } finally {
      await devices.close();
    }
  });
});
