import { AssayError } from "../model/errors.ts";
import { sanitize } from "../model/text.ts";
import type { ByteRange, ProbeDevice } from "./device.ts";
import { type Body, DeviceChannel, type ProcessOptions } from "./device-channel.ts";
import type {
  AdapterDescription,
  Command,
  KernelJob,
  Launch,
  ProbePass,
  ProbeTiming,
} from "./protocol.ts";

export interface DeviceOptions extends ProcessOptions {
  /** Take a CPU that plays GPU. Never for a reference measurement of a GPU. */
  allowSoftware: boolean;
}

/**
 * Starts a device process and opens its adapter.
 * @throws AssayError `probe/unavailable` without library or adapter, `probe/software` where only a
 * software adapter is there and was not asked for, `probe/crashed` when the process dies or hangs.
 */
export async function openDevice(options: DeviceOptions): Promise<ProbeDevice> {
  const channel = new DeviceChannel(options);
  try {
    const { adapter } = await channel.ask({ kind: "describe" }, "described");
    if (adapter.software && !options.allowSoftware) {
      throw new AssayError("probe/software", `the adapter is a CPU: ${adapterName(adapter)}`, {
        hint: "a GPU needs its own Vulkan driver; allow software only to test the shaders",
      });
    }
    return new DeviceProcess(channel, adapter);
  } catch (error) {
    await channel.close();
    throw error;
  }
}

/** What to call an adapter: by the device's own name first, since `description` is the driver's. */
export function adapterName(adapter: AdapterDescription): string {
  const name = adapter.device || adapter.description || adapter.architecture || "unnamed adapter";
  return sanitize(`${name} (${adapter.vendor || "unknown vendor"})`);
}

class DeviceProcess implements ProbeDevice {
  readonly adapter: AdapterDescription;
  readonly #channel: DeviceChannel;

  constructor(channel: DeviceChannel, adapter: AdapterDescription) {
    this.#channel = channel;
    this.adapter = adapter;
  }

  get pid(): number {
    return this.#channel.pid;
  }

  async prepare(job: KernelJob): Promise<number> {
    return (await this.#channel.ask({ kind: "prepare", job }, "prepared")).handle;
  }

  async launch(handle: number, dispatches: number, expectedSeconds: number): Promise<Launch> {
    const command = { kind: "launch", handle, dispatches, expectedSeconds } as const;
    return (await this.#channel.ask(command, "launched", expectedSeconds * 4)).launch;
  }

  async probe(passes: readonly ProbePass[], expectedSeconds: number): Promise<ProbeTiming> {
    const command: Body<Command> = { kind: "probe", passes: [...passes], expectedSeconds };
    return (await this.#channel.ask(command, "probed", expectedSeconds * 4)).timing;
  }

  async read(handle: number, binding: number, range?: ByteRange): Promise<Uint8Array> {
    return (await this.#channel.ask({ kind: "read", handle, binding, range }, "bytes")).bytes;
  }

  async release(handle: number): Promise<void> {
    await this.#channel.ask({ kind: "release", handle }, "released");
  }

  close(): Promise<void> {
    return this.#channel.close();
  }
}
