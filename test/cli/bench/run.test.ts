import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type BenchOptions, type BenchRun, runBench } from "../../../src/cli/bench/run.ts";
import type { ProbeDevice } from "../../../src/probe/device.ts";
import { openDevice } from "../../../src/probe/device-process.ts";
import type { Kernel } from "../../../src/probe/kernels/kernel.ts";
import { matmulF32Kernel } from "../../../src/probe/kernels/matmul-f32.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import { builtUrl } from "../../support/built.ts";
import { seeded } from "../../support/seeded.ts";
import { softwareAdapter, whyNoWebGpu } from "../../support/software-adapter.ts";

const why = await whyNoWebGpu();
/** A CPU that plays GPU, beside other tests. */
const BUSY = { timeout: 120_000 };
const skipped = why === undefined ? "" : ` (skipped: ${why})`;

const named = (name: string, over: Partial<Kernel> = {}): Kernel => ({
  ...matmulF32Kernel,
  name,
  // Small: that it is measured matters here, not how fast it is.
  async verify() {},
  ...over,
});
const GOOD = named("good");
const LACKING = named("lacking", { lacks: () => "no tensor cores" });
const WRONG = named("wrong", { verify: matmulF32Kernel.verify, shader: "broken" });
const CRASHING = named("crashing", {
  async verify(device) {
    process.kill(device.pid, "SIGKILL");
    await device.prepare({
      label: "",
      code: "",
      entryPoint: "",
      workgroups: [1, 1, 1],
      buffers: [],
    });
  },
});

describe.skipIf(why !== undefined)(`a benchmark on the software adapter${skipped}`, BUSY, () => {
  let environment: Record<string, string>;
  const opened: { device: ProbeDevice; robustness: boolean }[] = [];
  beforeAll(async () => {
    ({ environment } = await softwareAdapter());
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(({ device }) => device.close()));
  });

  const open = async ({ robustness }: { robustness: boolean }): Promise<ProbeDevice> => {
    const childUrl = builtUrl("probe/child.js");
    const device = await openDevice({ allowSoftware: true, environment, childUrl, robustness });
    opened.push({ device, robustness });
    return device;
  };
  const bench = (kernels: readonly Kernel[], over: Partial<BenchOptions> = {}): Promise<BenchRun> =>
    runBench({
      open,
      kernels,
      seconds: 0.001,
      maxRounds: 1,
      targetSpread: 1,
      random: seeded(1),
      now: () => performance.now() / 1000,
      signal: new AbortController().signal,
      shader: async (name) =>
        name === "broken"
          ? (await readShader(matmulF32Kernel.shader)).replace(/fma\(/g, "0.5 * fma(")
          : readShader(name),
      ...over,
    });
  const kindsOf = ({ outcomes }: BenchRun) => outcomes.map(({ kind }) => kind);
  const alive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  test("goes on after a kernel that is lacking something or wrong", async () => {
    const told: string[] = [];
    const run = await bench([LACKING, WRONG, GOOD], {
      watcher: { done: ({ kernel, kind }) => told.push(`${kernel.name} ${kind}`) },
    });
    expect(kindsOf(run)).toEqual(["lacking", "failed", "measured"]);
    expect(told).toEqual(["lacking lacking", "wrong failed", "good measured"]);
    expect(run.outcomes[1]).toMatchObject({ error: { code: "probe/wrong-result" } });
    expect(run).toMatchObject({ stopped: false, adapter: { software: true } });
    expect(opened.map(({ robustness }) => robustness)).toEqual([true, false]);
  });

  test("opens the device again after a crash, and leaves no process behind", async () => {
    const run = await bench([CRASHING, GOOD]);
    expect(kindsOf(run)).toEqual(["failed", "measured"]);
    expect(run.outcomes[0]).toMatchObject({ error: { code: "probe/crashed" } });
    expect(opened).toHaveLength(4);
    expect(opened.filter(({ device }) => alive(device.pid))).toEqual([]);
  });

  test("leaves out the rest where the device does not come back", async () => {
    let times = 0;
    const once = async (options: { robustness: boolean }): Promise<ProbeDevice> => {
      times += 1;
      return times <= 2
        ? open(options)
        : openDevice({ allowSoftware: false, environment, childUrl: builtUrl("probe/child.js") });
    };
    const run = await bench([CRASHING, GOOD], { open: once });
    expect(kindsOf(run)).toEqual(["failed", "skipped"]);
    expect(run.stopped).toBe(false);
  });

  test("ends with what was measured so far when it is asked to stop", async () => {
    const stop = new AbortController();
    const run = await bench([GOOD, named("second"), named("third")], {
      signal: stop.signal,
      seconds: 600,
      watcher: {
        stage: ({ name }, stage) => {
          if (name === "second" && stage === "run") stop.abort("SIGINT");
        },
      },
      // The first ends of itself.
      now: steps(700),
    });
    expect(kindsOf(run)).toEqual(["measured", "skipped", "skipped"]);
    expect(run.stopped).toBe(true);
    expect(opened.filter(({ device }) => alive(device.pid))).toEqual([]);
  });

  test("measures nothing where no device can be opened, and says so", async () => {
    const none = () =>
      openDevice({ allowSoftware: false, environment, childUrl: builtUrl("probe/child.js") });
    await expect(bench([GOOD], { open: none })).rejects.toMatchObject({ code: "probe/software" });
  });
});

/** A clock that goes so many seconds forward each time it is read. */
function steps(seconds: number): () => number {
  let now = 0;
  return () => (now += seconds);
}
