/**
 * Entry of the device child process: one WebGPU device behind an IPC channel. It lives apart from
 * the daemon so that a driver crash, a hang or a busy wait cannot reach it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { ChildFailure, messageOf } from "./child-failure.ts";
import { GpuRunner } from "./gpu-runner.ts";
import { watchParent } from "./parent-watch.ts";
import { Command, type Reply } from "./protocol.ts";
import { quietly, sleepQuietly } from "./quiet-wait.ts";

const Settings = z
  .object({
    adapterName: z.string().max(256).optional(),
    robustness: z.boolean().default(true),
    parentPid: z.number().int().positive().optional(),
  })
  .strict();
type Settings = z.infer<typeof Settings>;

/**
 * Dawn's own settings: exact timestamps (they are masked to 65.5 µs otherwise), tensor cores (an
 * experimental feature), and bounds checks only where a kernel is not known to stay in bounds.
 */
function dawnOptions({ adapterName, robustness }: Settings): string[] {
  const enabled = ["allow_unsafe_apis", ...(robustness ? [] : ["disable_robustness"])];
  return [
    "disable-dawn-features=timestamp_quantization",
    `enable-dawn-features=${enabled.join(",")}`,
    ...(adapterName ? [`adapter=${adapterName}`] : []),
  ];
}

/** Keeps the library's GPU object referenced for as long as the runner is. */
interface OpenGpu {
  gpu: GPU;
  runner: GpuRunner;
}

async function openGpu(settings: Settings): Promise<OpenGpu> {
  const webgpu = await import("webgpu").catch((error: unknown) => {
    throw new ChildFailure("library", messageOf(error), error);
  });
  Object.assign(globalThis, webgpu.globals);
  const gpu = webgpu.create(dawnOptions(settings));
  const now = (): number => performance.now() / 1000;
  const runner = await GpuRunner.open(gpu, {
    now,
    sleep: (seconds) => sleepQuietly(seconds, (ms) => delay(ms)),
    quietly: (pending) => quietly(pending, now),
  });
  return { gpu, runner };
}

async function answer(command: Command, runner: GpuRunner): Promise<Reply> {
  const { id } = command;
  switch (command.kind) {
    case "describe":
      return { kind: "described", id, adapter: runner.adapter };
    case "prepare":
      return { kind: "prepared", id, handle: await runner.prepare(command.job) };
    case "launch": {
      const { handle, dispatches, expectedSeconds } = command;
      const launch = await runner.launch(handle, dispatches, expectedSeconds);
      return { kind: "launched", id, launch };
    }
    case "probe":
      return {
        kind: "probed",
        id,
        timing: await runner.probe(command.passes, command.expectedSeconds),
      };
    case "read": {
      const { handle, binding, range } = command;
      return { kind: "bytes", id, bytes: await runner.read(handle, binding, range) };
    }
    case "release":
      runner.release(command.handle);
      return { kind: "released", id };
    case "close":
      runner.close();
      return { kind: "closed", id };
  }
}

function failed(id: number, error: unknown): Reply {
  const reason = error instanceof ChildFailure ? error.reason : "refused";
  return { kind: "failed", id, reason, message: messageOf(error).slice(0, 4000) };
}

async function respond(command: Command, opened: Promise<OpenGpu>): Promise<void> {
  const reply = await opened
    .then(({ runner }) => answer(command, runner))
    .catch((error: unknown) => failed(command.id, error));
  if (process.connected) process.send?.(reply);
}

function main(): void {
  const settings = Settings.parse(JSON.parse(process.argv[2] ?? "{}"));
  watchParent(settings.parentPid ?? process.ppid);

  let opened: Promise<OpenGpu> | undefined;
  let last: Promise<void> = Promise.resolve();
  process.on("message", (message) => {
    // A command that does not parse is a defect of the parent: die loudly, it reports the crash.
    const command = Command.parse(message);
    opened ??= openGpu(settings);
    const device = opened;
    last = last.then(() => respond(command, device));
  });
}

main();
