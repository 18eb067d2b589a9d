import { spawn } from "node:child_process";
import { once } from "node:events";
import { readlink } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { namespaceAbility, privateDevices } from "../../src/probe/private-devices.ts";
import { builtUrl } from "../support/built.ts";
import { endsWithin, isRunning } from "../support/running.ts";
import { standInChild } from "../support/stand-in-child.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";

const why = await whyNoWebGpu();
const { mode, reason } = await namespaceAbility(process.getuid?.() === 0);
const OPEN = JSON.stringify(builtUrl("probe/device-process.js"));

/** A parent that opens a device and, where told to, waits for an answer that never comes. */
function parentScript(options: object, hangs: boolean, end: string): string {
  return `
    const { openDevice } = await import(${OPEN});
    const given = ${JSON.stringify(options)};
    const childUrl = given.childUrl && new URL(given.childUrl);
    const device = await openDevice({ allowSoftware: true, ...given, childUrl });
    const job = { label: "x", code: "", entryPoint: "x", workgroups: [1, 1, 1], buffers: [] };
    ${hangs ? "device.prepare(job).catch(() => undefined);" : ""}
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.stdout.write(String(device.pid), () => { ${end} });
    setInterval(() => undefined, 1000);`;
}

/** The pid of the device process of a parent that is gone, and what it was a moment before. */
async function afterParent(
  script: string,
  signal?: NodeJS.Signals,
  env: Record<string, string> = {},
): Promise<{ pid: number; wasRunning: boolean }> {
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env },
  });
  // Asked for now: one that ends by itself may be gone before the rest here has run.
  const exit = once(parent, "exit");
  const [printed] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(printed.toString("utf8"));
  const wasRunning = await isRunning(pid);
  if (signal) parent.kill(signal);
  await exit;
  return { pid, wasRunning };
}

const ENDS: [string, string, NodeJS.Signals | undefined][] = [
  ["exits normally", "process.exit(0);", undefined],
  ["throws", `setImmediate(() => { throw new Error("no"); });`, undefined],
  ["is sent SIGTERM", "", "SIGTERM"],
  ["is sent SIGINT", "", "SIGINT"],
  ["is killed", "", "SIGKILL"],
];

describe.skipIf(process.platform !== "linux")("no orphan (Linux only: reads /proc)", () => {
  test.concurrent.each(ENDS)(
    "is left of a device process that hangs in a native call when its parent %s",
    async (_, end, signal) => {
      const childUrl = standInChild("hang();").href;
      const { pid } = await afterParent(parentScript({ childUrl }, true, end), signal);
      expect(pid).toBeGreaterThan(1);
      expect(await endsWithin(pid, 3000)).toBe(true);
    },
  );

  test.skipIf(why !== undefined).each(ENDS)(
    `is left of the real one when its parent %s${why === undefined ? "" : ` (skipped: ${why})`}`,
    async (_, end, signal) => {
      const { environment } = await softwareAdapter();
      const { pid } = await afterParent(parentScript({}, false, end), signal, environment);
      expect(pid).toBeGreaterThan(1);
      expect(await endsWithin(pid, 3000)).toBe(true);
    },
  );

  test("is left when the parent is gone before the process could look", async () => {
    // Its parent is this one, and it is told of another that is gone.
    const gone = spawn("true");
    await once(gone, "exit");
    const child = spawn(
      process.execPath,
      [standInChild("").pathname, JSON.stringify({ parentPid: gone.pid })],
      { stdio: ["ignore", "ignore", "ignore", "ipc"] },
    );
    const [, signal] = (await once(child, "exit")) as [number | null, string | null];
    expect(signal).toBe("SIGKILL");
  });

  describe.skipIf(mode === undefined)(
    `in a mount namespace of its own${reason ? ` (skipped: ${reason})` : ""}`,
    () => {
      const wrapper = mode ? privateDevices(mode, []) : [];

      test("is left of a process that hangs when its parent is killed", async () => {
        const childUrl = standInChild("hang();").href;
        const script = parentScript({ childUrl, wrapper }, true, "");
        const { pid, wasRunning } = await afterParent(script, "SIGKILL");
        expect(wasRunning).toBe(true);
        expect(await endsWithin(pid, 3000)).toBe(true);
      });

      test("and the pid that is known is the device process itself, not what started it", async () => {
        const { openDevice } = await import("../../src/probe/device-process.ts");
        const device = await openDevice({
          allowSoftware: true,
          childUrl: standInChild(""),
          wrapper,
        });
        expect(await readlink(`/proc/${device.pid}/exe`)).toBe(await readlink("/proc/self/exe"));
        const own = await readlink("/proc/self/ns/mnt");
        expect(await readlink(`/proc/${device.pid}/ns/mnt`)).not.toBe(own);
        await device.close();
        expect(await isRunning(device.pid)).toBe(false);
      });
    },
  );
});
