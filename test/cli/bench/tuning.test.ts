import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { benchTuning } from "../../../src/cli/bench/tuning.ts";
import type { ProbeDevice } from "../../../src/probe/device.ts";
import type { Kernel } from "../../../src/probe/kernels/kernel.ts";
import { matmulF32Kernel } from "../../../src/probe/kernels/matmul-f32.ts";
import { TuningCache, tuningKey } from "../../../src/probe/tuning-cache.ts";
import { seeded } from "../../support/seeded.ts";
import { temporaryFolder } from "../../support/temporary.ts";
import { ADAPTER } from "./support.ts";

const CODE = "const TILE = 8u;\n";
const KERNEL: Kernel = {
  ...matmulF32Kernel,
  variants: () => [{ TILE: 16 }, { TILE: 32 }],
};

const TOUCHED = "the device was touched";

/** Answers nothing: whoever searches on it fails. */
function deviceOf(software: boolean): ProbeDevice {
  const untouched = () => Promise.reject(new Error(TOUCHED));
  return {
    adapter: { ...ADAPTER, software },
    pid: -1,
    prepare: untouched,
    launch: untouched,
    probe: untouched,
    read: untouched,
    release: untouched,
    close: untouched,
  };
}

function choose(stateDir: string, software: boolean, said: string[] = []) {
  const tuning = benchTuning({
    stateDir,
    random: seeded(1),
    now: () => 0,
    signal: new AbortController().signal,
    say: (message) => said.push(message),
  });
  return tuning.choose(deviceOf(software), KERNEL, CODE);
}

async function remember(stateDir: string): Promise<void> {
  const cache = new TuningCache(join(stateDir, "tuning.json"), () => undefined);
  await cache.store(tuningKey(ADAPTER, KERNEL.name, CODE), { TILE: 32 });
}

describe("the shape of a kernel in a benchmark", () => {
  it("is the one remembered in the state directory", async () => {
    const stateDir = temporaryFolder("tuning");
    await remember(stateDir);
    expect(await choose(stateDir, false)).toEqual({
      code: "const TILE = 32u;\n",
      variant: { TILE: 32 },
    });
  });

  it("is searched for on the device where none is remembered", async () => {
    await expect(choose(temporaryFolder("tuning"), false)).rejects.toThrow(TOUCHED);
  });

  it("is the first on a CPU that plays GPU, without a search", async () => {
    expect(await choose(temporaryFolder("tuning"), true)).toMatchObject({ variant: { TILE: 16 } });
  });

  it("is searched for where the file is damaged, and that is said", async () => {
    const stateDir = temporaryFolder("tuning");
    writeFileSync(join(stateDir, "tuning.json"), "{");
    const said: string[] = [];
    await expect(choose(stateDir, false, said)).rejects.toThrow(TOUCHED);
    expect(said).toEqual([expect.stringMatching(/tuning\.json cannot be used/)]);
  });
});
