import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openDevice } from "../../src/probe/device-process.ts";
import { blake3Kernel } from "../../src/probe/kernels/blake3.ts";
import { readShader } from "../../src/probe/shaders.ts";
import { createTuning } from "../../src/probe/tuning.ts";
import { TuningCache } from "../../src/probe/tuning-cache.ts";
import { tune, type Tuned } from "../../src/probe/tuning-search.ts";
import { builtUrl } from "../support/built.ts";
import {
  ADAPTER,
  CODE,
  type Script,
  ScriptedDevice,
  scriptedKernel,
} from "../support/scripted-device.ts";
import { seeded } from "../support/seeded.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";
import { temporaryFolder } from "../support/temporary.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;

interface SearchSettings {
  budgetSeconds?: number;
  verifySeconds?: number;
  signal?: AbortSignal;
}

function searchOn(device: ScriptedDevice, shapes: number, settings: SearchSettings = {}) {
  const { budgetSeconds = 100, verifySeconds, signal } = settings;
  const kernel = scriptedKernel(device, shapes, verifySeconds);
  return tune(device, kernel, CODE, { random: seeded(1), now: device.now, budgetSeconds, signal });
}

async function search(scripts: readonly Script[], settings: SearchSettings = {}) {
  const device = new ScriptedDevice(scripts);
  return { device, tuned: await searchOn(device, scripts.length, settings) };
}

describe("a search among shapes", () => {
  test("takes the fastest, by its median, and tells every rate", async () => {
    const { tuned, device } = await search([{ rate: 1e6 }, { rate: 1.2e6 }, { rate: 1.1e6 }]);
    expect(tuned.build).toEqual({ code: "const WIDTH = 2u;\n", variant: { WIDTH: 2 } });
    expect(tuned.complete).toBe(true);
    expect(tuned.tried.map(({ variant }) => variant)).toEqual(
      [1, 2, 3].map((WIDTH) => ({ WIDTH })),
    );
    for (const [i, rate] of [1e6, 1.2e6, 1.1e6].entries())
      expect(tuned.tried[i]?.ratePerSecond).toBeCloseTo(rate, 3);
    expect(device.held.size).toBe(0);
  });

  test("of equals takes the one that the kernel names first", async () => {
    const { tuned } = await search([{ rate: 1e6 }, { rate: 1e6 }]);
    expect(tuned.build.variant).toEqual({ WIDTH: 1 });
  });

  test("takes the fastest whatever the rates", async () => {
    const rate = fc.integer({ min: 1000, max: 10_000_000 });
    await fc.assert(
      fc.asyncProperty(fc.array(rate, { minLength: 2, maxLength: 9 }), async (rates) => {
        const { tuned } = await search(rates.map((each) => ({ rate: each })));
        expect(rates[(tuned.build.variant["WIDTH"] ?? 0) - 1]).toBe(Math.max(...rates));
      }),
    );
  });

  test.each([2, 3, 4, 5])(
    "is not misled where launch %i is fast for one shape and slow for the other",
    async (when) => {
      const once = (rate: number, other: number) => (launch: number) =>
        launch === when ? other : rate;
      const { tuned } = await search([{ rate: once(1e6, 9e6) }, { rate: once(1.2e6, 0.1e6) }]);
      expect(tuned.build.variant).toEqual({ WIDTH: 2 });
    },
  );

  test("takes turns, so that slower clocks meet all shapes alike", async () => {
    let launches = 0;
    const slowing = (rate: number) => () => rate * 0.97 ** launches++;
    const { tuned, device } = await search([{ rate: slowing(1e6) }, { rate: slowing(1.1e6) }]);
    expect(tuned.build.variant).toEqual({ WIDTH: 2 });
    const measured = device.asked.filter((asked) => asked.startsWith("launch")).slice(2);
    expect(measured.slice(0, 4)).toEqual(["launch 1", "launch 2", "launch 1", "launch 2"]);
  });

  test("spends one launch on what is clearly slower, and all on what is close", async () => {
    const { device } = await search([{ rate: 1e6 }, { rate: 0.74e6 }, { rate: 0.76e6 }]);
    // Each has one launch more, which warms the device up and is not counted.
    expect([1, 2, 3].map((width) => device.launchesOf(width))).toEqual([6, 2, 6]);
  });

  test("does not count the launch that warms up", async () => {
    const cold = (launch: number): number => (launch === 0 ? 1e3 : 2e6);
    const { tuned } = await search([{ rate: 1e6 }, { rate: cold }]);
    expect(tuned.build.variant).toEqual({ WIDTH: 2 });
    expect(tuned.tried[1]?.ratePerSecond).toBeCloseTo(2e6, 3);
  });

  test("costs nothing where there is one shape", async () => {
    const { tuned, device } = await search([{ rate: 1 }]);
    expect(tuned).toEqual({
      build: { code: CODE, variant: { WIDTH: 1 } },
      tried: [],
      complete: true,
    });
    expect(device.asked).toEqual([]);
  });

  test.each<[string, Script, string]>([
    ["does not compile", { rate: 9e6, refused: "verify" }, "does not compile"],
    ["computes wrongly", { rate: 9e6, wrong: "verify" }, "computes wrongly"],
    ["does not fit", { rate: 9e6, refused: "prepare" }, "out of memory\\u{7} for 1"],
    ["cannot be launched", { rate: 9e6, refused: "launch" }, "launch refused"],
    ["is wrong in the measured work alone", { rate: 9e6, wrong: "check" }, "wrong in the long run"],
  ])("leaves out and tells a shape that %s", async (_, script, problem) => {
    const { tuned, device } = await search([script, { rate: 1e6 }, { rate: 2e6 }]);
    expect(tuned.build.variant).toEqual({ WIDTH: 3 });
    expect(tuned.tried[0]).toEqual({ variant: { WIDTH: 1 }, problem });
    expect(tuned.tried[1]?.ratePerSecond).toBeGreaterThan(0);
    expect(device.held.size).toBe(0);
  });

  test("throws what the first shape met where none works", async () => {
    const device = new ScriptedDevice([
      { rate: 1, refused: "verify" },
      { rate: 1, wrong: "verify" },
    ]);
    await expect(searchOn(device, 2)).rejects.toMatchObject({
      code: "probe/refused",
      message: "does not compile",
    });
  });

  test("ends at once when the device process dies", async () => {
    const device = new ScriptedDevice([
      { rate: 1e6 },
      { rate: 1e6, refused: "crash" },
      { rate: 1 },
    ]);
    await expect(searchOn(device, 3)).rejects.toMatchObject({ code: "probe/crashed" });
    expect(device.asked).not.toContain("verify 3");
  });

  test("is still a choice where no launch takes any time", async () => {
    const { tuned } = await search([{ rate: Infinity, wrong: "verify" }, { rate: 0 }]);
    expect(tuned.build.variant).toEqual({ WIDTH: 2 });
    expect(tuned.tried[1]).toEqual({ variant: { WIDTH: 2 }, problem: "no launch could be timed" });
  });

  test("begins no shape and no further round when the time is up, and says what it left", async () => {
    const scripts = [{ rate: 1e6 }, { rate: 1.1e6 }, { rate: 9e6 }];
    const { tuned, device } = await search(scripts, { budgetSeconds: 1.5, verifySeconds: 1 });
    expect(tuned.complete).toBe(false);
    expect(tuned.build.variant).toEqual({ WIDTH: 2 });
    expect(tuned.tried[2]).toEqual({
      variant: { WIDTH: 3 },
      problem: "not tried: the time for the search was up",
    });
    expect([1, 2, 3].map((width) => device.launchesOf(width))).toEqual([2, 2, 0]);
    const whole = await search(scripts, { budgetSeconds: 9, verifySeconds: 1 });
    expect(whole.tuned).toMatchObject({ complete: true, build: { variant: { WIDTH: 3 } } });
  });

  test("finds one that works however short the time", async () => {
    const scripts: Script[] = [{ rate: 9e6, wrong: "verify" }, { rate: 1e6 }, { rate: 2e6 }];
    const { tuned } = await search(scripts, { budgetSeconds: 0, verifySeconds: 1 });
    expect(tuned).toMatchObject({ complete: false, build: { variant: { WIDTH: 2 } } });
  });

  test("stops between two launches when told to, with nothing left on the device", async () => {
    const device = new ScriptedDevice([{ rate: 1e6 }, { rate: 1e6 }]);
    const controller = new AbortController();
    const reason = new Error("another process wants the GPU");
    device.onLaunch = () => {
      if (device.launchesOf(1) === 3) controller.abort(reason);
    };
    await expect(searchOn(device, 2, { signal: controller.signal })).rejects.toBe(reason);
    expect(device.asked.findLast((asked) => asked.startsWith("launch"))).toBe("launch 1");
    expect(device.held.size).toBe(0);
  });

  test("holds small shapes together and large ones one after the other", async () => {
    const large = { bufferBytes: 2 ** 30 };
    const rates = [1e6, 2e6, 1.5e6];
    const small = await search(rates.map((rate) => ({ rate })));
    expect(small.device.mostHeld).toBe(3);
    const { device, tuned } = await search(rates.map((rate) => ({ rate, ...large })));
    expect(device.mostHeld).toBe(1);
    expect(tuned.build.variant).toEqual({ WIDTH: 2 });
  });
});

describe("a choice of a shape", () => {
  const scripts = [{ rate: 1e6 }, { rate: 2e6 }];
  const make = (path: string, device: ScriptedDevice, budgetSeconds = 100) => {
    const searches: Tuned[] = [];
    const said: string[] = [];
    const cache = new TuningCache(path, (message) => said.push(message));
    const tuning = createTuning({
      cache,
      random: seeded(1),
      now: device.now,
      budgetSeconds,
      onSearch: (_, tuned) => searches.push(tuned),
    });
    return { tuning, searches, said };
  };
  const choose = async (path: string, over: Partial<typeof ADAPTER> = {}, code = CODE) => {
    const device = new ScriptedDevice(scripts, { ...ADAPTER, ...over });
    const { tuning, searches, said } = make(path, device);
    const { variant } = await tuning.choose(device, scriptedKernel(device, 2), code);
    return { variant, searches: searches.length, asked: device.asked.length, said };
  };
  const fresh = (): string => join(temporaryFolder("tuning"), "tuning.json");

  test("is searched once, then remembered without touching the device", async () => {
    const path = fresh();
    expect(await choose(path)).toMatchObject({ variant: { WIDTH: 2 }, searches: 1, said: [] });
    expect(await choose(path)).toEqual({ variant: { WIDTH: 2 }, searches: 0, asked: 0, said: [] });
  });

  test("is searched anew on another GPU, another driver and for another shader", async () => {
    const path = fresh();
    await choose(path);
    const others = [{ vendor: "amd" }, { architecture: "ada" }, { device: "0x1" }];
    for (const over of [...others, { description: "NVIDIA H200, driver 570.2" }])
      expect((await choose(path, over)).searches).toBe(1);
    expect((await choose(path, {}, `${CODE}// changed\n`)).searches).toBe(1);
    expect((await choose(path)).searches).toBe(0);
  });

  test("is searched anew where the kernel no longer offers what is remembered", async () => {
    const path = fresh();
    await choose(path);
    const device = new ScriptedDevice(scripts);
    const { tuning, searches } = make(path, device);
    const kernel = scriptedKernel(device, 2);
    const [only, other] = [{ WIDTH: 7 }, { WIDTH: 8 }];
    const build = await tuning.choose(device, { ...kernel, variants: () => [only, other] }, CODE);
    expect(searches.length).toBe(1);
    expect(build.variant).toEqual(only);
  });

  test("is not remembered where the time was up before all were tried", async () => {
    const path = fresh();
    const device = new ScriptedDevice(scripts);
    const { tuning, searches } = make(path, device, 0);
    await tuning.choose(device, scriptedKernel(device, 2, 1), CODE);
    expect(searches.map(({ complete }) => complete)).toEqual([false]);
    await expect(readFile(path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("of one shape asks neither device nor file", async () => {
    const path = fresh();
    const device = new ScriptedDevice(scripts);
    const { tuning, searches } = make(path, device);
    const build = await tuning.choose(device, scriptedKernel(device, 1), CODE);
    expect(build).toEqual({ code: CODE, variant: { WIDTH: 1 } });
    expect([device.asked, searches]).toEqual([[], []]);
  });
});

describe.skipIf(why !== undefined)(`a search on the software adapter${skipped}`, () => {
  test("chooses a shape that runs, and remembers it", async () => {
    const { environment } = await softwareAdapter();
    const childUrl = builtUrl("probe/child.js");
    const device = await openDevice({ allowSoftware: true, environment, childUrl });
    try {
      const code = await readShader(blake3Kernel.shader);
      const searches: Tuned[] = [];
      const tuning = createTuning({
        cache: new TuningCache(join(temporaryFolder("tuning"), "tuning.json"), expect.unreachable),
        random: seeded(1),
        now: () => performance.now() / 1000,
        budgetSeconds: 60,
        onSearch: (_, tuned) => searches.push(tuned),
      });
      const build = await tuning.choose(device, blake3Kernel, code);
      const [{ tried } = { tried: [] }] = searches;
      expect(tried.map(({ variant }) => variant)).toEqual(blake3Kernel.variants(device.adapter));
      expect(tried.every(({ ratePerSecond = 0, problem }) => ratePerSecond > 0 && !problem)).toBe(
        true,
      );
      await expect(blake3Kernel.verify(device, build, seeded(2))).resolves.toBeUndefined();
      expect(await tuning.choose(device, blake3Kernel, code)).toEqual(build);
      expect(searches.length).toBe(1);
    } finally {
      await device.close();
    }
  });
});
