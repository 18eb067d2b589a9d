import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type ProbeDevice, runOnce } from "../../src/probe/device.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import type { KernelJob } from "../../src/probe/protocol.ts";
import { builtUrl } from "../support/built.ts";
import { endsWithin, isRunning } from "../support/running.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";
import { standInChild } from "../support/stand-in-child.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;
const childUrl = builtUrl("probe/child.js");

const job = (code: string, sizeBytes = 16): KernelJob => ({
  label: "test kernel",
  code,
  entryPoint: "main",
  workgroups: [1, 1, 1],
  buffers: [{ binding: 0, kind: "read-write", sizeBytes }],
});
const SEVEN = `
  @group(0) @binding(0) var<storage, read_write> out: array<u32>;
  @compute @workgroup_size(1) fn main() { out[0] = 7; }`;

const devices: ProbeDevice[] = [];
afterEach(async () => {
  await Promise.all(devices.splice(0).map((device) => device.close()));
});
async function opened(opening: Promise<ProbeDevice>): Promise<ProbeDevice> {
  const device = await opening;
  devices.push(device);
  return device;
}

describe.skipIf(why !== undefined)(`a real device process${skipped}`, () => {
  let environment: Record<string, string>;
  beforeAll(async () => {
    ({ environment } = await softwareAdapter());
  });
  const open = (): Promise<ProbeDevice> =>
    opened(openDevice({ allowSoftware: true, environment, childUrl }));

  test("says what its compiler says, bounded, and can be used afterwards", async () => {
    const device = await open();
    const wrong = `@compute @workgroup_size(1) fn main() { ${"oh_".repeat(5000)}(); }`;
    const refused = await device.prepare(job(wrong)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "probe/refused" });
    const { message } = refused as Error;
    expect(message).toContain("compile test kernel");
    expect(message.length).toBeLessThan(1100);
    const [bytes] = await runOnce(device, job(SEVEN), [0]);
    expect(bytes?.[0]).toBe(7);
  });

  test("refuses more memory than there is, and can be used afterwards", async () => {
    const device = await open();
    const largest = device.adapter.limits["maxBufferSize"] ?? 2 ** 28;
    const takeAll = async (): Promise<void> => {
      for (let i = 0; i < 64; i++) await device.prepare(job(SEVEN, largest));
    };
    await expect(takeAll()).rejects.toMatchObject({
      code: "probe/refused",
      message: expect.stringContaining("OUT_OF_DEVICE_MEMORY"),
    });
    const [bytes] = await runOnce(device, job(SEVEN), [0]);
    expect(bytes?.[0]).toBe(7);
  });

  test("that is killed while it does nothing is a crash at the next call", async () => {
    const device = await open();
    process.kill(device.pid, "SIGKILL");
    expect(await endsWithin(device.pid, 2000)).toBe(true);
    await expect(device.prepare(job(SEVEN))).rejects.toMatchObject({
      code: "probe/crashed",
      message: expect.stringContaining("SIGKILL"),
    });
  });

  test("calls a device that is gone lost, and nothing else", async () => {
    const child = fork(childUrl, ["{}"], {
      env: environment,
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const ask = async (command: object): Promise<unknown> => {
      child.send(command);
      const [reply]: unknown[] = await once(child, "message");
      return reply;
    };
    expect(await ask({ kind: "describe", id: 0 })).toMatchObject({ kind: "described" });
    expect(await ask({ kind: "close", id: 1 })).toMatchObject({ kind: "closed" });
    const reply = await ask({ kind: "prepare", id: 2, job: job(SEVEN) });
    expect(reply).toMatchObject({ kind: "failed", id: 2, reason: "device-lost" });
    child.kill("SIGKILL");
    await once(child, "exit");
  });

  test("knows what the driver needs of the environment, and no secret", async () => {
    const kept = { ...process.env };
    Object.assign(process.env, {
      ASSAY_WEBHOOK_SECRET: "s3cret-1",
      NVIDIA_API_KEY: "s3cret-2",
      DATABASE_URL: "postgres://s3cret-3",
      NVIDIA_VISIBLE_DEVICES: "all",
    });
    try {
      const device = await open();
      const environ = await readFile(`/proc/${device.pid}/environ`, "utf8");
      expect(environ).not.toContain("s3cret");
      expect(environ).toContain("NVIDIA_VISIBLE_DEVICES=all");
      expect(environ).toContain("PATH=");
      expect(environ).toContain("VK_DRIVER_FILES=");
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in kept)) delete process.env[name];
    }
  });
});

describe("a device process that misbehaves", () => {
  const open = (url: URL, timeLimitSeconds = 15): Promise<ProbeDevice> =>
    opened(openDevice({ allowSoftware: true, childUrl: url, timeLimitSeconds }));

  test("and writes without end to stderr is listened to, and its last words are bounded", async () => {
    const flood = `for (let i = 0; i < 64; i++) process.stderr.write("x".repeat(1024 * 1024));
      process.stderr.write("the end", () => process.kill(process.pid, "SIGABRT"));`;
    const device = await open(standInChild(flood), 20);
    const heapBefore = process.memoryUsage().rss;
    const crash = await device.prepare(job(SEVEN)).catch((error: unknown) => error);
    expect(crash).toMatchObject({
      code: "probe/crashed",
      message: expect.stringMatching(/SIGABRT; it said: x+the end$/),
    });
    expect((crash as Error).message.length).toBeLessThan(2200);
    expect(process.memoryUsage().rss - heapBefore).toBeLessThan(256 * 1024 ** 2);
  });

  test("and answers what nobody asked is a crash", async () => {
    const device = await open(standInChild(`send({ kind: "released", id: 99 });`));
    await expect(device.prepare(job(SEVEN))).rejects.toMatchObject({
      code: "probe/crashed",
      message: expect.stringContaining("released, which nobody waits for"),
    });
    expect(await endsWithin(device.pid, 2000)).toBe(true);
  });

  test("and answers when nothing was asked is a crash at the next call", async () => {
    const talk = `if (kind === "release") { send({ kind: "released", id }); send({ kind: "released", id }); }`;
    const device = await open(standInChild(talk));
    await device.release(0);
    expect(await endsWithin(device.pid, 2000)).toBe(true);
    await expect(device.release(0)).rejects.toMatchObject({ code: "probe/crashed" });
  });

  test("and has lost its device is ended: nothing more can be done with it", async () => {
    const lost = `send({ kind: "failed", id, reason: "device-lost", message: "reset \\u001b[2J" });`;
    const device = await open(standInChild(lost));
    await expect(device.prepare(job(SEVEN))).rejects.toMatchObject({
      code: "probe/crashed",
      message: "the GPU device was lost: reset \\u{1b}[2J",
    });
    expect(await endsWithin(device.pid, 2000)).toBe(true);
  });

  test("and hangs in a native call is killed when its time is up", async () => {
    const device = await open(standInChild("hang();"), 3);
    await expect(device.prepare(job(SEVEN))).rejects.toMatchObject({
      code: "probe/crashed",
      message: expect.stringContaining("did not answer prepare within 3 s"),
    });
    expect(await endsWithin(device.pid, 2000)).toBe(true);
  });

  test("and whose stderr somebody else holds open is a crash all the same, and closes", async () => {
    const hold = `const held = spawn("sleep", ["20"], { stdio: ["ignore", "ignore", "inherit"], detached: true });
      send({ kind: "prepared", id, handle: held.pid });`;
    const device = await open(standInChild(hold));
    const sleeper = await device.prepare(job(SEVEN));
    try {
      const startMs = performance.now();
      process.kill(device.pid, "SIGKILL");
      await expect(device.release(0)).rejects.toMatchObject({ code: "probe/crashed" });
      await device.close();
      expect(performance.now() - startMs).toBeLessThan(3500);
      expect(await isRunning(sleeper)).toBe(true);
    } finally {
      process.kill(sleeper, "SIGKILL");
    }
  });
});
