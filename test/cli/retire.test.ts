import { describe, expect, it } from "vitest";
import { gpu, opened } from "../ledger/fixtures/make.ts";
import { at, ledgerWith, window } from "./acts/rig.ts";

const REASON = ["--reason", "sent back"];
/** Three windows of ten seconds, and nothing after them. */
const three = { gpus: [gpu()], slices: [window(0), window(1), window(2)] };

describe("assay retire", () => {
  it("ends what a GPU counts for: no more of it is unobserved", async () => {
    const { assay, stateDir } = await ledgerWith(three);
    const gpuMs = async (): Promise<unknown> => {
      const hour = ["--from", at(0), "--to", at(600_000)];
      const { stdout } = await assay("report", ...hour, "--format", "json");
      return JSON.parse(stdout).totals.gpuMs;
    };
    expect(await gpuMs()).toBe(600_000);
    const ran = await assay("retire", "--gpu", "GPU-a", "--at", at(60_000), ...REASON);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain("GPU 0 GPU-a counts until 1970-01-01T00:01:00Z");
    expect(await gpuMs()).toBe(60_000);
    const ledger = await opened({ stateDir, mode: "read" });
    expect(await ledger.acts({})).toMatchObject([
      { kind: "retirement", gpuUuid: "GPU-a", fromMs: 60_000, reason: "sent back" },
    ]);
  });

  it.each([
    ["just when it was seen last", 30_000, 0],
    ["a millisecond before", 29_999, 2],
  ])("may be %s", async (_name, fromMs, code) => {
    const { assay } = await ledgerWith(three);
    const ran = await assay("retire", "--gpu", "0", "--at", at(fromMs), ...REASON);
    expect(ran.code).toBe(code);
    if (code !== 0) expect(ran.stderr).toMatch(/act\/invalid: the GPU GPU-a was there until /);
  });

  it("is over where the GPU is seen again", async () => {
    const { assay, stateDir } = await ledgerWith(three);
    await assay("retire", "--gpu", "0", "--at", at(30_000), ...REASON);
    const ledger = await opened({ stateDir });
    expect((await ledger.gpus())[0]?.retiredAtMs).toBe(30_000);
    await ledger.append({ slices: [window(9)] });
    expect((await ledger.gpus())[0]?.retiredAtMs).toBeUndefined();
  });

  it.each([
    ["a GPU nobody knows", ["--gpu", "7"], "explain/gpu"],
    ["no reason", ["--gpu", "0", "--reason", " "], "act/invalid"],
    ["a time that is none", ["--gpu", "0", "--at", "soon"], "report/window"],
  ])("refuses %s", async (_name, args, code) => {
    const { assay } = await ledgerWith(three);
    const ran = await assay("retire", ...REASON, ...args);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(code);
  });
});
