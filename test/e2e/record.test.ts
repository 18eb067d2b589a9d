import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Observation } from "../../src/model/observation.ts";
import { readAll } from "../collect/recording/support/files.ts";
import { compileNvmlStub, haveCompiler, type NvmlScript } from "../support/nvml-stub.ts";
import { type Assay, assay, start, tempDir } from "./support/assay.ts";

const compiler = haveCompiler();
const suffix = compiler ? "" : " (skipped: no C compiler `cc`)";
const NODE: NvmlScript = { devices: 2, "gpu0.util": 97, "gpu0.power": 400_000 };

/** A configuration under which the stand-in is the driver's library. */
function standIn(script: NvmlScript = NODE): string {
  const library = compileNvmlStub({ script });
  onTestFinished(() => rmSync(dirname(library), { recursive: true }));
  const config = join(tempDir(), "config.yaml");
  writeFileSync(
    config,
    `collect: { pids: trusted, nvml: { library: ${JSON.stringify(library)} } }\n`,
  );
  return config;
}

const recording = (): string => join(tempDir(), "live.ndjson.gz");
const fast = (file: string): string[] => ["record", file, "--interval", "20ms"];

/** Resolves when the file has grown beyond its header: its first flush. */
async function grown(program: Assay, file: string): Promise<void> {
  await program.says("stderr", /^recording nvidia/m);
  const patience = Date.now() + 20_000;
  while (Date.now() < patience) {
    if (existsSync(file) && statSync(file).size > 2000) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${file} did not grow:\n${program.stderr}`);
}

function countsOf(observations: readonly Observation[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of observations) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

describe.skipIf(!compiler)(`recording a live node, played by a stand-in driver${suffix}`, () => {
  it("goes down to 20 ms, and says how fast it was and what it cost", async () => {
    const file = recording();
    const done = await assay([...fast(file), "--duration", "3s", "--config", standIn()]);
    expect(done).toMatchObject({ code: 0, stdout: "" });
    const { observations, reader } = await readAll(file);
    expect(reader.warnings).toEqual([]);
    const [node, ...rest] = observations;
    expect(node).toMatchObject({
      kind: "node",
      intervalMs: 20,
      overhead: { readings: expect.any(Number), cpuMs: expect.any(Number) },
    });
    const { gpu = 0, processes = 0, host = 0, sockets = 0 } = countsOf(rest);
    // The first scan of the host, which is made every five seconds.
    expect([host, sockets]).toEqual([1, 1]);
    // Fifty a second of two devices, were the machine idle; it is known not to be.
    expect(gpu).toBeGreaterThan(2 * 3 * 10);
    // Who is there is asked twice a second at most, however fast the readings come.
    expect(processes).toBeGreaterThan(2);
    expect(processes).toBeLessThan(gpu / 4);
    const reports = rest.filter((each) => each.kind === "collector");
    const ofDevices = reports.filter(({ name }) => ["nvidia", "drm", "host"].includes(name));
    expect(ofDevices).toMatchObject([
      { name: "nvidia", state: "ready" },
      { name: "drm", state: "absent" },
      { name: "host", state: "ready", detail: expect.stringMatching(/^\d+ processes, /) },
    ]);
    // What a node has of schedulers and engines is its own affair, but each of them reports.
    const registries = reports
      .map(({ name }) => name)
      .filter((name) => !ofDevices.some((one) => one.name === name));
    expect(registries).toEqual(expect.arrayContaining(["kubelet", "docker", "prolog"]));
    expect(done.stderr).toMatch(/^\d+ lines written, \d+ dropped$/m);
    expect(done.stderr).toMatch(/^\d+ readings, \d+\.\d\d a second of 50\.00 asked/m);
    expect(done.stderr).toMatch(/^a reading took \d+\.\d\d ms, /m);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends whole on %s", async (signal) => {
    const file = recording();
    const program = start([...fast(file), "--config", standIn()]);
    await program.says("stderr", /^recording nvidia/m);
    await new Promise((resolve) => setTimeout(resolve, 500));
    program.kill(signal);
    expect(await program.ended).toMatchObject({ code: 0, signal: null, stdout: "" });
    const { observations, reader } = await readAll(file);
    expect(reader.warnings).toEqual([]);
    expect(observations.at(-1)?.kind).toBe("collector");
    // A stream without its trailer would throw.
    expect(gunzipSync(readFileSync(file)).toString("utf8").endsWith("}\n")).toBe(true);
  });

  it("loses no more than what came since the last flush when it is killed", async () => {
    const file = recording();
    const program = start([...fast(file), "--config", standIn()]);
    await grown(program, file);
    const killedMs = Date.now();
    program.kill("SIGKILL");
    expect(await program.ended).toMatchObject({ signal: "SIGKILL" });
    const { observations, reader } = await readAll(file);
    expect(reader.warnings.map(({ code }) => code)).toContain("truncated");
    const last = observations.findLast(({ kind }) => kind === "gpu");
    const lastMs = last && "atMs" in last ? (last.atMs ?? 0) : 0;
    // 5 s between two flushes, and what a busy machine adds.
    expect(killedMs - lastMs).toBeLessThan(8000);
    expect(countsOf(observations)["gpu"]).toBeGreaterThan(50);
    const inspected = await assay(["inspect", file]);
    expect(inspected.code).toBe(0);
    expect(inspected.stdout).toMatch(/^warning +truncated/m);
  });

  it("leaves no file behind that holds nothing, and says why", async () => {
    const file = recording();
    const program = start(["record", file, "--interval", "1s", "--config", standIn()]);
    while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 10));
    program.kill("SIGTERM");
    const { code, stderr } = await program.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain("nothing is recorded");
    expect(existsSync(file)).toBe(false);
  });

  it("refuses to go faster than 20 ms, wherever that is asked", async () => {
    const config = standIn();
    const asked = await assay(["record", recording(), "--interval", "19ms", "--config", config]);
    expect(asked).toMatchObject({ code: 2, stdout: "" });
    expect(asked.stderr).toMatch(/^error cli\/usage: .*19ms.*\n {2}at --interval\n {2}hint: 20ms/m);
    writeFileSync(config, "collect: { interval: 5ms }\n");
    const configured = await assay(["record", recording(), "--config", config]);
    expect(configured.code).toBe(2);
    expect(configured.stderr).toMatch(/^error config\/invalid: collect\.interval: /m);
  });
});
