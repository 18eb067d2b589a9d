import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { openLedger } from "../../src/ledger/client.ts";
import type { Calibration } from "../../src/model/calibration.ts";
import { deviceScale } from "../../src/signature/scale.ts";
import { builtUrl } from "../support/built.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";
import { assay, type Finished, start, tempDir } from "./support/assay.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
const ANY_PORT = ["--listen", "127.0.0.1:0"];
const COMMAND = ["calibrate", "--allow-software", "--kernels", "alu-f32"];
const PATIENCE_MS = 120_000;

const told = z.object({
  calibrations: z.array(z.object({ kernel: z.string(), software: z.boolean() })).length(1),
  kept: z.string(),
  drift: z.array(z.object({ kernel: z.string() })),
});

/** A configuration under which no GPU is looked for. */
function withoutGpu(): string[] {
  const config = join(tempDir(), "config.yaml");
  const off =
    "{ nvml: { enabled: false }, nvidiaSmi: { enabled: false }, drm: { enabled: false } }";
  writeFileSync(config, `collect: ${off}\n`);
  return ["--config", config];
}

async function kept(stateDir: string): Promise<Calibration[]> {
  const ledger = await openLedger({
    stateDir,
    mode: "read",
    workerUrl: builtUrl("ledger/worker.js"),
  });
  try {
    return await ledger.calibrationHistory({});
  } finally {
    await ledger.close();
  }
}

describe.skipIf(why !== undefined)(`calibrate on the software adapter${skipped}`, () => {
  let environment: Record<string, string>;
  beforeAll(async () => {
    ({ environment } = await softwareAdapter());
  });
  const calibrate = (stateDir: string, ...more: string[]): Promise<Finished> =>
    assay(
      [...COMMAND, "--seconds", "0.1", "--state-dir", stateDir, ...withoutGpu(), ...more],
      environment,
    );

  it(
    "hands its result to the running daemon, which keeps it marked and changes no scale; without one it writes by itself and tells of drift",
    async () => {
      const stateDir = join(tempDir(), "state");
      const daemon = start(["run", "--state-dir", stateDir, ...ANY_PORT, ...withoutGpu()]);
      await daemon.address();
      const svg = join(stateDir, "roofline.svg");
      const done = await calibrate(stateDir, "--json", "--svg", svg);
      expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
      const json = told.parse(JSON.parse(done.stdout));
      expect(json.calibrations).toEqual([{ kernel: "alu-f32", software: true }]);
      expect(json.kept).toContain("taken in by the daemon");
      expect(json.drift).toEqual([]);
      expect(readFileSync(svg, "utf8")).toMatch(/^<svg .*swiftshader/s);
      // The claims on its processes are gone with them.
      expect(readdirSync(join(stateDir, "inbox"))).toEqual([]);
      await daemon.says("stderr", /calibrations were taken in: they are of a CPU/);
      await daemon.says("stderr", /says that a process is the agent's own/);

      const calibrations = await kept(stateDir);
      expect(calibrations).toMatchObject([
        { kernel: "alu-f32", software: true, gpuUuid: "software", telemetry: {} },
      ]);
      const gpu = { index: 0, uuid: "software", model: "any", powerLimitWatts: 300 };
      expect(deviceScale(gpu, [], calibrations)).toEqual(deviceScale(gpu, [], []));
      daemon.kill("SIGTERM");
      expect(await daemon.ended).toMatchObject({ code: 0 });

      // The daemon has ended: now the ledger is free, and the first calibration is in it.
      const second = await calibrate(stateDir);
      expect({ code: second.code, stderr: second.stderr }).toMatchObject({ code: 0 });
      expect(second.stdout).toMatch(/│ alu-f32 +│ +[\d.]+ [kMGT]?FLOP\/s/);
      expect(second.stdout).toMatch(/^Spent [\d.]+ s of GPU time, energy not measured, in /m);
      expect(second.stdout).toContain("SOFTWARE: on swiftshader");
      expect(second.stdout).toMatch(/^(No drift|Drift: alu-f32 [\d.]+ % )/m);
      expect(second.stdout).toContain(`Kept in the ledger of ${stateDir}`);
      expect(await kept(stateDir)).toHaveLength(2);
    },
    PATIENCE_MS,
  );

  it("makes no ledger where only software is there and was not asked for", async () => {
    const stateDir = join(tempDir(), "state");
    const done = await assay(["calibrate", "--state-dir", stateDir, ...withoutGpu()], environment);
    expect(done).toMatchObject({ code: 2, stdout: "" });
    expect(done.stderr).toContain("error probe/software");
    expect(existsSync(join(stateDir, "ledger.sqlite"))).toBe(false);
  });

  it(
    "asked to stop says so, keeps nothing half and leaves no process",
    async () => {
      const stateDir = join(tempDir(), "state");
      const args = [...COMMAND, "--seconds", "60", "--state-dir", stateDir];
      const program = start([...args, ...withoutGpu()], environment);
      await program.says("stderr", /alu-f32: verify/);
      // Two at once would measure each other.
      const other = await calibrate(stateDir);
      expect(other).toMatchObject({ code: 2, stdout: "" });
      expect(other.stderr).toMatch(/error probe\/busy: .* holds the calibration of this node/);
      program.kill("SIGINT");
      const done = await program.ended;
      expect(done).toMatchObject({ code: 0, signal: null });
      expect(done.stderr).toMatch(/^the calibration was asked to stop$/m);
      expect(await kept(stateDir)).toEqual([]);
      rmSync(stateDir, { recursive: true });
    },
    PATIENCE_MS,
  );
});

describe("calibrate", () => {
  it("refuses what it does not know before it opens anything", async () => {
    const stateDir = join(tempDir(), "state");
    const args = ["calibrate", "--gpu", "7", "--state-dir", stateDir, ...withoutGpu()];
    const done = await assay(args);
    expect(done).toMatchObject({ code: 2, stdout: "" });
    expect(done.stderr).toContain('knows a GPU "7"');
    expect(existsSync(stateDir)).toBe(false);
  });
});
