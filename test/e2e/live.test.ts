import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { compileNvmlStub, haveCompiler, type NvmlScript } from "../support/nvml-stub.ts";
import { assay, type Finished, start, tempDir } from "./support/assay.ts";
import { brokenWindows, gapsOf, windowsOf } from "./support/ledger.ts";

const compiler = haveCompiler();
const suffix = compiler ? "" : " (skipped: no C compiler `cc`)";
const ANY_PORT = ["--listen", "127.0.0.1:0"];

/** Two devices: on the first this very test process keeps busy, the second does nothing. */
const NODE: NvmlScript = {
  devices: 2,
  "gpu0.util": 97,
  "gpu0.power": 400_000,
  "gpu0.compute": `${process.pid}:1073741824`,
  "gpu0.samples": `${process.pid}:0:95:40`,
  "gpu1.util": 0,
};

/** A configuration under which the stand-in is the driver's library. */
function standIn(script: NvmlScript = NODE): string {
  const library = compileNvmlStub({ script });
  onTestFinished(() => rmSync(dirname(library), { recursive: true }));
  const config = join(tempDir(), "config.yaml");
  const lines = [
    "node: stand-in-node",
    "windowLength: 1s",
    `collect: { interval: 200ms, pids: trusted, nvml: { library: ${JSON.stringify(library)} } }`,
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  return config;
}

function expectDone({ code, signal, stderr }: Finished): void {
  expect({ code, signal, stderr }).toMatchObject({ code: 0, signal: null });
  expect(stderr).not.toMatch(/error|Warning/);
}

/** Runs the daemon until it has told of a window of the second device, and asks it to end. */
async function runFor(config: string, stateDir: string): Promise<Finished> {
  const program = start(["run", "--config", config, "--state-dir", stateDir, ...ANY_PORT]);
  await program.says("stdout", /gpu1 idle/);
  program.kill("SIGTERM");
  return program.ended;
}

const line = z.object({ gpu: z.int(), from: z.number(), to: z.number(), label: z.string() });
const finding = z.object({ name: z.string(), status: z.string(), detail: z.string() });
const doctored = z.object({
  findings: z.array(finding),
  sources: z.array(z.object({ name: z.string(), state: z.string(), successes: z.number() })),
  devices: z.array(
    z.object({
      index: z.number(),
      uuid: z.string(),
      source: z.string(),
      quantities: z.array(z.object({ quantity: z.string(), status: z.string() })),
    }),
  ),
});

describe.skipIf(!compiler)(`a live node, played by a stand-in driver${suffix}`, () => {
  it("prints its slices with their owners, and ends on SIGTERM with a report", async () => {
    const dir = tempDir();
    const done = await runFor(standIn(), dir);
    expectDone(done);
    expect(done.stderr).not.toContain("no GPU to watch");
    expect(done.stderr).not.toContain("SIMULATED");
    expect(done.stdout).toMatch(/gpu0 (?!idle)\S+ +\d\.\d\d (container|user|process):\S/);
    expect(done.stdout).toMatch(/gpu1 idle +1\.00 idle/);
    expect(done.stdout).toMatch(/^Node stand-in-node · 2 GPUs$/m);
    expect(done.stdout).toMatch(/^Reconciled: /m);
    const windows = windowsOf(dir);
    expect(brokenWindows(windows)).toEqual([]);
    expect(new Set(windows.map((window) => window.gpu))).toEqual(
      new Set(["GPU-stand-in-0", "GPU-stand-in-1"]),
    );
  });

  it("tells of the time between two runs as a gap, and never overlaps", async () => {
    const [dir, config] = [tempDir(), standIn()];
    expectDone(await runFor(config, dir));
    // At once, most likely within the window just closed: it goes on with the next one.
    expectDone(await runFor(config, dir));
    const before = windowsOf(dir);
    const endMs = Math.max(...before.map((window) => window.toMs));
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, endMs + 1100 - Date.now())));
    expectDone(await runFor(config, dir));

    const after = windowsOf(dir);
    expect(brokenWindows(after)).toEqual([]);
    expect(after).toEqual(expect.arrayContaining(before));
    const down = gapsOf(dir).filter((gap) => gap.fromMs === endMs);
    const starts = after.filter((window) => window.fromMs >= endMs).map((window) => window.fromMs);
    expect(down).toEqual(
      ["GPU-stand-in-0", "GPU-stand-in-1"].map(() => ({
        fromMs: endMs,
        toMs: Math.min(...starts),
        source: "agent",
        reason: "the daemon was not running",
      })),
    );
    const report = await assay(["report", "--state-dir", dir, "--format", "json"]);
    expectDone(report);
    const { reconciliation } = z
      .object({ reconciliation: z.object({ unrecordedMs: z.number() }) })
      .parse(JSON.parse(report.stdout));
    // On a busy machine also the second start may take longer than the window just closed.
    const downMs = gapsOf(dir).map(({ fromMs, toMs }) => toMs - fromMs);
    expect(reconciliation.unrecordedMs).toBe(downMs.reduce((sum, ms) => sum + ms, 0));
  });

  it("records what classify can read", async () => {
    const recording = join(tempDir(), "live.ndjson.gz");
    const args = ["record", recording, "--config", standIn(), "--duration", "2s"];
    const done = await assay(args);
    expectDone(done);
    expect(done.stdout).toBe("");
    const [, count = ""] = /^(\d+) lines written, 0 dropped$/m.exec(done.stderr) ?? [];
    const text = gunzipSync(readFileSync(recording)).toString("utf8");
    expect(text.trimEnd().split("\n")).toHaveLength(Number(count));
    expect(text).toContain('"uuid":"GPU-stand-in-0"');

    const labelled = await assay(["classify", recording, "--json"]);
    expect({ code: labelled.code, stderr: labelled.stderr }).toEqual({ code: 0, stderr: "" });
    const lines = labelled.stdout.trimEnd().split("\n");
    const found = lines.map((each) => line.parse(JSON.parse(each)));
    expect(new Set(found.map(({ gpu }) => gpu))).toEqual(new Set([0, 1]));
    expect(found.filter(({ gpu, label }) => gpu === 1 && label !== "idle")).toEqual([]);

    const again = await assay(args);
    expect(again).toMatchObject({ code: 2, stdout: "" });
    expect(again.stderr).toMatch(/^error recording\/exists: /m);
  });

  it("is found by the doctor, with what answers on each device", async () => {
    const done = await assay(["doctor", "--json", "--config", standIn()]);
    expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
    const { findings, sources, devices } = doctored.parse(JSON.parse(done.stdout));
    const nvml = findings.find(({ name }) => name.includes("NVIDIA"));
    expect(nvml).toMatchObject({
      status: "ok",
      detail: expect.stringMatching(/1 NVML stand-in.*; read in \d+\.\d ms$/),
    });
    expect(sources).toContainEqual({ name: "nvidia", state: "ready", successes: 2 });
    expect(devices.map(({ index, uuid, source }) => [index, uuid, source])).toEqual([
      [0, "GPU-stand-in-0", "nvidia"],
      [1, "GPU-stand-in-1", "nvidia"],
    ]);
    const statusOf = (name: string) =>
      devices[0]?.quantities.find(({ quantity }) => quantity === name)?.status;
    expect([statusOf("powerWatts"), statusOf("gpuUtil")]).toEqual(["answered", "answered"]);
    // No call of NVML gives it to a reader like this one.
    expect(statusOf("intActive")).not.toBe("answered");
  });

  it("is sampled faster while its label is unsure, within the budget, and says so", async () => {
    const config = standIn();
    const program = start(["run", "--config", config, "--state-dir", tempDir(), ...ANY_PORT]);
    const url = await program.address();
    await program.says("stderr", /"reason":"label of gpu0 is unsure".*"msg":"sampling faster"/);
    const interval = async (): Promise<number> => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const [, value = ""] = /^gpu_assay_sampling_interval_seconds (\S+)$/m.exec(text) ?? [];
      return Number(value);
    };
    expect(await interval()).toBe(0.1);
    const health = await fetch(`${url}/healthz`);
    expect([health.status, await health.text()]).toEqual([200, expect.stringContaining('"ok"')]);
    program.kill("SIGTERM");
    expectDone(await program.ended);
  });
});

describe("a machine without a driver", () => {
  const config = (): string => {
    const path = join(tempDir(), "config.yaml");
    writeFileSync(path, "collect: { nvml: { library: /nonexistent/libnvidia-ml.so.1 } }\n");
    return path;
  };

  it("is no failure for the doctor, who says what is missing", async () => {
    const done = await assay(["doctor", "--json", "--config", config()]);
    expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
    const { findings } = z.object({ findings: z.array(finding) }).parse(JSON.parse(done.stdout));
    expect(findings.find(({ name }) => name.includes("NVIDIA"))).toMatchObject({
      status: "missing",
    });
  });

  it("has nothing to record, and a hint", async () => {
    const file = join(tempDir(), "x.ndjson");
    const done = await assay(["record", file, "--config", config(), "--duration", "1s"]);
    expect(done).toMatchObject({ code: 2, stdout: "" });
    expect(done.stderr).toMatch(/^error collect\/no-gpu: .*\n {2}hint: `assay doctor`/m);
  });
});
