import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AssayError, type ErrorCode } from "../../src/model/errors.ts";
import type { ProbeDevice } from "../../src/probe/device.ts";
import { createProbeSupervisor, type OpenRequest } from "../../src/probe/supervisor.ts";

const HOUR_MS = 3_600_000;
const fails = (code: ErrorCode) => new AssayError(code, `it is ${code}`);

/** A supervisor on a clock moved by hand; each opening does what `next` says, or works. */
function rig(random = 0) {
  let nowMs = 0;
  let pid = 100;
  let openNow = 0;
  const opened: string[] = [];
  const closed: number[] = [];
  const next: (AssayError | Error | Promise<void>)[] = [];
  const most = { open: 0 };
  const aborted: number[] = [];
  const open = async ({ gpuUuid, started, signal }: OpenRequest): Promise<ProbeDevice> => {
    const own = pid++;
    let isOpening = true;
    signal.addEventListener("abort", () => isOpening && aborted.push(own));
    started(own);
    opened.push(gpuUuid);
    most.open = Math.max(most.open, ++openNow);
    try {
      const outcome = next.shift();
      if (outcome instanceof Error) throw outcome;
      await outcome;
    } finally {
      openNow--;
      isOpening = false;
    }
    const device: Pick<ProbeDevice, "pid" | "close"> = {
      pid: own,
      close: async () => void closed.push(own),
    };
    return device as ProbeDevice;
  };
  const supervisor = createProbeSupervisor({
    open,
    monotonicMs: () => nowMs,
    random: () => random,
  });
  return {
    supervisor,
    opened,
    closed,
    aborted,
    next,
    most,
    pass: (ms: number) => void (nowMs += ms),
  };
}

describe("the supervisor of device processes", () => {
  test("opens nothing before it is asked, and then one device for each GPU", async () => {
    const { supervisor, opened } = rig();
    expect(opened).toEqual([]);
    expect(supervisor.states()).toEqual([]);
    const first = await supervisor.acquire("GPU-0");
    expect(await supervisor.acquire("GPU-0")).toBe(first);
    expect(await supervisor.acquire("GPU-1")).not.toBe(first);
    expect(opened).toEqual(["GPU-0", "GPU-1"]);
    expect(supervisor.states()).toEqual([
      { gpuUuid: "GPU-0", status: "ready", restarts: 0 },
      { gpuUuid: "GPU-1", status: "ready", restarts: 0 },
    ]);
  });

  test("opens once for all who ask meanwhile, and never two GPUs at a time", async () => {
    const { supervisor, opened, most } = rig();
    const asked = ["GPU-0", "GPU-0", "GPU-1", "GPU-2"].map((uuid) => supervisor.acquire(uuid));
    const [a, b] = await Promise.all(asked);
    expect(a).toBe(b);
    expect(opened).toEqual(["GPU-0", "GPU-1", "GPU-2"]);
    expect(most.open).toBe(1);
  });

  test("knows the pids of what lives, is being confirmed, or ended just now", async () => {
    const { supervisor, next, pass } = rig();
    let confirm: (() => void) | undefined;
    next.push(new Promise<void>((resolve) => (confirm = resolve)));
    const asked = supervisor.acquire("GPU-0");
    await Promise.resolve();
    await Promise.resolve();
    expect([...supervisor.pids()]).toEqual([100]);
    confirm?.();
    await asked;
    await supervisor.failed("GPU-0", fails("probe/crashed"));
    expect([...supervisor.pids()]).toEqual([100]);
    pass(10_001);
    expect([...supervisor.pids()]).toEqual([]);
  });

  test("opens again after a crash, each time later, until it takes an hour", async () => {
    const { supervisor, opened, pass } = rig();
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      await supervisor.acquire("GPU-0");
      await supervisor.failed("GPU-0", fails("probe/crashed"));
      const before = opened.length;
      let waitedMs = 0;
      while (opened.length === before && waitedMs <= HOUR_MS) {
        pass(30_000);
        waitedMs += 30_000;
        if (await supervisor.acquire("GPU-0")) break;
      }
      waits.push(waitedMs / 30_000);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 120, 120]);
    expect(supervisor.states()[0]?.restarts).toBe(9);
  });

  test("says when it will try again and why, and that many failures are to be mended", async () => {
    const { supervisor, next, pass } = rig();
    for (let i = 0; i < 4; i++) {
      next.push(new AssayError("probe/crashed", "died \u001b[2J"));
      expect(await supervisor.acquire("GPU-0")).toBeUndefined();
      const status = "backing-off";
      expect(supervisor.states()).toMatchObject([{ status, reason: "died \\u{1b}[2J" }]);
      pass(HOUR_MS);
    }
    next.push(fails("probe/crashed"));
    await supervisor.acquire("GPU-0");
    expect(supervisor.states()).toMatchObject([{ status: "failing" }]);
    pass(HOUR_MS);
    await supervisor.acquire("GPU-0");
    expect(supervisor.states()).toEqual([{ gpuUuid: "GPU-0", status: "ready", restarts: 0 }]);
  });

  test("counts anew after a device that served long", async () => {
    const { supervisor, pass } = rig();
    const nextTryInMs = async (servesMs: number): Promise<number> => {
      await supervisor.acquire("GPU-0");
      pass(servesMs);
      await supervisor.failed("GPU-0", fails("probe/crashed"));
      const waitMs = supervisor.states()[0]?.nextTryMs ?? 0;
      pass(HOUR_MS);
      return waitMs;
    };
    const at = async (servesMs: number, sinceMs: number) => (await nextTryInMs(servesMs)) - sinceMs;
    expect(await at(1000, 1000)).toBe(30_000);
    expect(await at(1000, 2000 + HOUR_MS)).toBe(60_000);
    expect(await at(600_000, 602_000 + 2 * HOUR_MS)).toBe(30_000);
  });

  test.each<[ErrorCode, "absent" | "failing"]>([
    ["probe/unavailable", "absent"],
    ["probe/software", "absent"],
    ["probe/no-match", "failing"],
    ["probe/wrong-result", "failing"],
  ])("asks again an hour after %s, which is %s", async (code, status) => {
    const { supervisor, next, opened, pass } = rig(0.999);
    next.push(fails(code));
    expect(await supervisor.acquire("GPU-0")).toBeUndefined();
    expect(supervisor.states()).toMatchObject([{ status, reason: `it is ${code}` }]);
    pass(HOUR_MS - 1);
    expect(await supervisor.acquire("GPU-0")).toBeUndefined();
    expect(opened).toHaveLength(1);
    pass(1);
    expect(await supervisor.acquire("GPU-0")).toBeDefined();
  });

  test("keeps a device that refused a kernel, and closes one that computed wrongly", async () => {
    const { supervisor, closed } = rig();
    const device = await supervisor.acquire("GPU-0");
    await supervisor.failed("GPU-0", fails("probe/refused"));
    expect(await supervisor.acquire("GPU-0")).toBe(device);
    await supervisor.failed("GPU-0", fails("probe/wrong-result"));
    expect(closed).toEqual([100]);
    expect(supervisor.states()).toMatchObject([{ status: "failing" }]);
  });

  test("takes a failure that is told twice, or of an unknown GPU, once or not at all", async () => {
    const { supervisor, closed } = rig();
    await supervisor.acquire("GPU-0");
    await supervisor.failed("GPU-9", fails("probe/crashed"));
    const told = [fails("probe/crashed"), fails("probe/crashed")];
    await Promise.all(told.map((error) => supervisor.failed("GPU-0", error)));
    expect(closed).toEqual([100]);
    expect(supervisor.states()).toMatchObject([{ gpuUuid: "GPU-0", nextTryMs: 30_000 }]);
  });

  test("closes what is being opened too, and opens nothing afterwards", async () => {
    const { supervisor, next, closed, opened, aborted } = rig();
    let confirm: (() => void) | undefined;
    await supervisor.acquire("GPU-0");
    next.push(new Promise<void>((resolve) => (confirm = resolve)));
    const asked = supervisor.acquire("GPU-1");
    const waiting = supervisor.acquire("GPU-2");
    await Promise.resolve();
    await Promise.resolve();
    const closing = supervisor.close();
    expect(aborted).toEqual([101]);
    confirm?.();
    await closing;
    expect(await asked).toBeUndefined();
    expect(await waiting).toBeUndefined();
    expect(closed.sort()).toEqual([100, 101]);
    expect(await supervisor.acquire("GPU-0")).toBeUndefined();
    expect(opened).toEqual(["GPU-0", "GPU-1"]);
    await supervisor.close();
  });

  test("a defect of ours is thrown, and does not keep the other GPUs waiting", async () => {
    const { supervisor, next } = rig();
    next.push(new TypeError("undefined is no function"));
    await expect(supervisor.acquire("GPU-0")).rejects.toThrow("no function");
    expect(await supervisor.acquire("GPU-1")).toBeDefined();
  });

  test("never waits longer than an hour nor less than four fifths of the first wait", async () => {
    const property = fc.asyncProperty(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.integer({ min: 1, max: 40 }),
      async (random, failures) => {
        const { supervisor, next, pass } = rig(random);
        let nowMs = 0;
        for (let i = 0; i < failures; i++) {
          next.push(fails("probe/crashed"));
          await supervisor.acquire("GPU-0");
          const waitMs = (supervisor.states()[0]?.nextTryMs ?? 0) - nowMs;
          expect(waitMs).toBeGreaterThanOrEqual(0.8 * 30_000);
          expect(waitMs).toBeLessThanOrEqual(HOUR_MS);
          pass(HOUR_MS);
          nowMs += HOUR_MS;
        }
      },
    );
    await fc.assert(property, { numRuns: 30 });
  });
});
