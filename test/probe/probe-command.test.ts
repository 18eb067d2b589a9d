import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ProbeDevice } from "../../src/probe/device.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import { sha256dKernel } from "../../src/probe/kernels/sha256d.ts";
import { Command, MAX_PROBE_DISPATCHES, MAX_PROBE_PASSES } from "../../src/probe/protocol.ts";
import { readShader } from "../../src/probe/shaders.ts";
import { builtUrl } from "../support/built.ts";
import { seeded } from "../support/seeded.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
/** Of the kernel's own count of processor time. */
const TICKS_PER_SECOND = 100;

/**
 * Processor seconds so far of the child's main thread, which is the one that would spin: the
 * software adapter itself computes on other threads.
 */
function mainThreadSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/task/${pid}/stat`, "utf8").split(") ")[1]?.split(" ");
  return (Number(fields?.[11]) + Number(fields?.[12])) / TICKS_PER_SECOND;
}

describe.skipIf(why !== undefined)(`a probe on the software adapter${skipped}`, () => {
  let device: ProbeDevice;
  let handle: number;

  beforeAll(async () => {
    const { environment } = await softwareAdapter();
    device = await openDevice({
      allowSoftware: true,
      environment,
      childUrl: builtUrl("probe/child.js"),
    });
    const build = { code: await readShader(sha256dKernel.shader), variant: {} };
    const context = {
      build,
      scale: "software",
      adapter: device.adapter,
      random: seeded(1),
    } as const;
    handle = await device.prepare(sha256dKernel.workload(context).job);
    await device.launch(handle, 1, 0);
  });
  afterAll(() => device?.close());

  test("times every pass of one submission, one after the other, within the host's wait", async () => {
    const passes = Array.from({ length: 4 }, (_, i) => ({ handle, dispatches: i === 3 ? 3 : 1 }));
    const { wallSeconds, passes: timings } = await device.probe(passes, 0);
    expect(timings).toHaveLength(4);
    const known = (timings ?? []).flatMap((timing) => timing ?? []);
    expect(known).toHaveLength(4);
    expect(known[0]?.beginSeconds).toBe(0);
    for (const [i, { beginSeconds, endSeconds }] of known.entries()) {
      expect(beginSeconds).toBeGreaterThanOrEqual(known[i - 1]?.endSeconds ?? 0);
      expect(endSeconds).toBeGreaterThan(beginSeconds);
    }
    expect(known.at(-1)?.endSeconds).toBeLessThanOrEqual(wallSeconds);
  });

  test("leaves the core alone while a long launch runs that was not expected to be long", async () => {
    const launch = async (dispatches: number, expectedSeconds: number) => {
      const before = mainThreadSeconds(device.pid);
      const { wallSeconds } = await device.launch(handle, dispatches, expectedSeconds);
      return { wallSeconds, cpuSeconds: mainThreadSeconds(device.pid) - before };
    };
    const one = await launch(20, 0);
    const { wallSeconds, cpuSeconds } = await launch(Math.ceil(20 / one.wallSeconds), 0);
    expect(wallSeconds).toBeGreaterThan(0.4);
    expect(cpuSeconds / wallSeconds).toBeLessThan(0.15);
  });
});

describe("the command for a probe", () => {
  const command = (passes: number, dispatches: number) =>
    Command.safeParse({
      kind: "probe",
      id: 0,
      passes: Array.from({ length: passes }, () => ({ handle: 0, dispatches })),
      expectedSeconds: 0,
    }).success;

  test("has a pass at least, and no more passes and dispatches than a short look may have", () => {
    expect(command(0, 1)).toBe(false);
    expect(command(1, 0)).toBe(false);
    expect(command(MAX_PROBE_PASSES, MAX_PROBE_DISPATCHES)).toBe(true);
    expect(command(MAX_PROBE_PASSES + 1, 1)).toBe(false);
    expect(command(1, MAX_PROBE_DISPATCHES + 1)).toBe(false);
  });
});
