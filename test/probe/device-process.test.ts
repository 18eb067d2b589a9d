import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProbeDevice, runOnce } from "../../src/probe/device.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import type { KernelJob } from "../../src/probe/protocol.ts";
import { builtUrl } from "../support/built.ts";
import { endsWithin, isRunning, pause } from "../support/running.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
const childUrl = builtUrl("probe/child.js");

/** Writes 7 into every element. */
const SEVENS = `
  @group(0) @binding(0) var<storage, read_write> out: array<u32>;
  @compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) { out[id.x] = 7; }`;

/** Several seconds of dependent work on a CPU; the condition keeps it from being removed. */
const SLOW = `
  @group(0) @binding(0) var<storage, read_write> out: array<u32>;
  @compute @workgroup_size(1) fn main() {
    var x = out[0];
    for (var i = 0u; i < 4000000000u; i++) { x = x * 1664525u + 1013904223u; if (x == 0u) { break; } }
    out[0] = x;
  }`;

const job = (code: string, sizeBytes = 16): KernelJob => ({
  label: "test kernel",
  code,
  entryPoint: "main",
  workgroups: [4, 1, 1],
  buffers: [{ binding: 0, kind: "read-write", sizeBytes, fill: 0xff }],
});

describe.skipIf(why !== undefined)(`the device process${skipped}`, () => {
  let environment: Record<string, string>;
  const open = (timeLimitSeconds = 20): Promise<ProbeDevice> =>
    openDevice({ allowSoftware: true, environment, childUrl, timeLimitSeconds });

  beforeAll(async () => {
    ({ environment } = await softwareAdapter());
  });

  test("tells the adapter as software, with its limits and its own pid", async () => {
    const device = await open();
    expect(device.adapter).toMatchObject({
      software: true,
      isFallbackAdapter: true,
      timestamps: true,
    });
    expect(device.adapter.description).toContain("SwiftShader");
    expect(device.adapter.limits["maxComputeInvocationsPerWorkgroup"]).toBeGreaterThanOrEqual(256);
    expect(device.pid).not.toBe(process.pid);
    expect(await isRunning(device.pid)).toBe(true);
    await device.close();
    expect(await isRunning(device.pid)).toBe(false);
  });

  test("refuses a software adapter that was not asked for", async () => {
    await expect(openDevice({ allowSoftware: false, environment, childUrl })).rejects.toMatchObject(
      {
        code: "probe/software",
      },
    );
  });

  test("calls a system without any driver unavailable, with a hint", async () => {
    const none = { VK_DRIVER_FILES: "/nonexistent.json", VK_ICD_FILENAMES: "/nonexistent.json" };
    const opened = openDevice({
      allowSoftware: true,
      environment: { ...environment, ...none },
      childUrl,
    });
    await expect(opened).rejects.toMatchObject({
      code: "probe/unavailable",
      hint: expect.stringContaining("Vulkan"),
    });
  });

  test("times a launch by the device and overwrites the poison", async () => {
    const device = await open();
    const handle = await device.prepare(job(SEVENS));
    const launch = await device.launch(handle, 3, 0.01);
    expect(launch.gpuSeconds).toBeGreaterThan(0);
    expect(launch.wallSeconds).toBeGreaterThanOrEqual(0.01);
    expect([...new Uint32Array((await device.read(handle, 0)).slice().buffer)]).toEqual([
      7, 7, 7, 7,
    ]);
    await device.close();
  });

  test("answers commands that were sent together in their order", async () => {
    const device = await open();
    const handle = await device.prepare(job(SEVENS));
    const [before, , after] = await Promise.all([
      device.read(handle, 0),
      device.launch(handle, 1, 0),
      device.read(handle, 0),
    ]);
    expect([before[0], after[0]]).toEqual([0xff, 7]);
    await device.close();
  });

  test("refuses more waiting commands than it has room for, and answers the others", async () => {
    const device = await open();
    const handle = await device.prepare(job(SEVENS));
    const reads = Array.from({ length: 65 }, () => device.read(handle, 0));
    const outcomes = await Promise.allSettled(reads);
    expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBe(64);
    expect(outcomes[64]).toMatchObject({ reason: { code: "probe/refused" } });
    await expect(device.read(handle, 0)).resolves.toHaveLength(16);
    await device.close();
  });

  test.each([
    ["that does not compile", job("fn main( {"), "compile"],
    ["without its entry point", { ...job(SEVENS), entryPoint: "absent" }, "compile"],
    ["with a binding too many", { ...job(SEVENS), buffers: [0, 1].map(buffer) }, "bind"],
    ["with a buffer above the limit", job(SEVENS, 2 ** 40), "allocate"],
    ["with a grid above the limit", { ...job(SEVENS), workgroups: [70_000, 1, 1] }, "launch"],
  ] satisfies [string, KernelJob, string][])(
    "refuses a kernel %s and goes on",
    async (_, bad, step) => {
      const device = await open();
      await expect(runOnce(device, bad, [0])).rejects.toMatchObject({
        code: "probe/refused",
        message: expect.stringContaining(step),
      });
      const [bytes] = await runOnce(device, job(SEVENS), [0]);
      expect(bytes?.[0]).toBe(7);
      await device.close();
    },
  );

  test("refuses handles and bindings that do not exist", async () => {
    const device = await open();
    const handle = await device.prepare(job(SEVENS));
    await expect(device.read(handle, 5)).rejects.toMatchObject({ code: "probe/refused" });
    await device.release(handle);
    await expect(device.launch(handle, 1, 0)).rejects.toMatchObject({ code: "probe/refused" });
    await device.close();
  });

  test("killed in the middle of a launch is a crash, and stays one", async () => {
    const device = await open();
    const handle = await device.prepare(job(SLOW));
    const launch = device.launch(handle, 1, 0);
    setTimeout(() => process.kill(device.pid, "SIGSEGV"), 200);
    await expect(launch).rejects.toMatchObject({
      code: "probe/crashed",
      message: expect.stringContaining("SIGSEGV"),
    });
    await expect(device.read(handle, 0)).rejects.toMatchObject({ code: "probe/crashed" });
    await device.close();
  });

  test("that hangs is killed after the time limit", async () => {
    const device = await open(2);
    process.kill(device.pid, "SIGSTOP");
    await expect(device.prepare(job(SEVENS))).rejects.toMatchObject({
      code: "probe/crashed",
      message: expect.stringContaining("within 2 s"),
    });
    expect(await endsWithin(device.pid, 2000)).toBe(true);
    await device.close();
  });

  test("gets its expected time on top of the limit", async () => {
    const device = await open(3);
    const handle = await device.prepare(job(SEVENS));
    const launch = await device.launch(handle, 1, 3.2);
    expect(launch.wallSeconds).toBeGreaterThanOrEqual(3.2);
    await device.close();
  });

  test("that is busy is closed at once, and closing twice is safe", async () => {
    const device = await open();
    const handle = await device.prepare(job(SLOW));
    const launch = device.launch(handle, 1, 0);
    const outcome = launch.catch((error: unknown) => error);
    await pause(100);
    await Promise.all([device.close(), device.close()]);
    expect(await outcome).toMatchObject({
      code: "probe/crashed",
      message: expect.stringContaining("was closed"),
    });
    expect(await isRunning(device.pid)).toBe(false);
    await device.close();
  });
});

describe("the other end of the channel", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "assay-child-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function openScript(name: string, script: string): Promise<ProbeDevice> {
    const path = join(folder, `${name}.mjs`);
    await writeFile(path, script);
    return openDevice({ allowSoftware: true, childUrl: pathToFileURL(path), timeLimitSeconds: 5 });
  }

  test("that sends what is no reply is a crash", async () => {
    const opened = openScript(
      "garbage",
      `process.on("message", ({ id }) => process.send({ kind: "described", id, adapter: 1 }))`,
    );
    await expect(opened).rejects.toMatchObject({
      code: "probe/crashed",
      message: expect.stringContaining("no reply"),
    });
  });

  test("that answers another question is a crash", async () => {
    const opened = openScript(
      "other",
      `process.on("message", ({ id }) => process.send({ kind: "released", id }))`,
    );
    await expect(opened).rejects.toMatchObject({
      code: "probe/crashed",
      message: expect.stringContaining("released instead of described"),
    });
  });

  test("that ends at once is a crash with its last words, made safe", async () => {
    const opened = openScript(
      "dying",
      `process.stderr.write("no driver \\u001b[31m today"); process.exitCode = 3;`,
    );
    await expect(opened).rejects.toMatchObject({
      code: "probe/crashed",
      message: expect.stringMatching(/exit code 3; it said: no driver \\u\{1b\}\[31m today/),
    });
  });

  test("that does not exist is a crash", async () => {
    const nowhere = pathToFileURL(join(folder, "nowhere.mjs"));
    await expect(openDevice({ allowSoftware: true, childUrl: nowhere })).rejects.toMatchObject({
      code: "probe/crashed",
    });
  });
});

describe.skipIf(process.platform !== "linux")("no orphan (Linux only: reads /proc)", () => {
  /** Runs a script as a parent, kills it hard, and gives the pid that it printed. */
  async function pidAfterParentDied(script: string, env: Record<string, string>): Promise<number> {
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...env },
    });
    const [printed] = (await once(parent.stdout, "data")) as [Buffer];
    parent.kill("SIGKILL");
    await once(parent, "exit");
    return Number(printed.toString("utf8"));
  }

  /** A process whose main thread hangs for good, with or without the watch in a second thread. */
  const hanging = (watched: boolean): string => {
    const watch = `new (require("node:worker_threads").Worker)(
      ${JSON.stringify(fileURLToPath(builtUrl("probe/orphan-watch.js")))},
      { workerData: { parentPid: process.ppid } },
    ).on("online", hang);`;
    const child = `const hang = () => { process.send?.(1); console.log(process.pid); while (true); };
      ${watched ? watch : "hang();"}`;
    return `
      import { spawn } from "node:child_process";
      const child = spawn(process.execPath, ["-e", ${JSON.stringify(child)}], { stdio: ["ignore", "inherit", "inherit"] });
      setInterval(() => undefined, 1000);`;
  };

  test("a main thread that hangs in a call does not keep the process alive", async () => {
    const pid = await pidAfterParentDied(hanging(true), {});
    expect(await endsWithin(pid, 5000)).toBe(true);
  });

  test("without the watch it would (control)", async () => {
    const pid = await pidAfterParentDied(hanging(false), {});
    expect(await endsWithin(pid, 2500)).toBe(false);
    process.kill(pid, "SIGKILL");
  });
});

function buffer(binding: number): KernelJob["buffers"][number] {
  return { binding, kind: "read-write", sizeBytes: 16 };
}
