import type { ProbeDevice } from "../../src/probe/device.ts";

type Held = Pick<ProbeDevice, "prepare" | "launch" | "release">;

/** Counts the bytes that devices hold, as the memory of the GPU they run on would show them. */
export class WatchedMemory {
  usedBytes = 0;

  /** The device, with its buffers counted from the launch that fills them to their release. */
  watch<D extends Held>(device: D): D & Held {
    const prepared = new Map<number, number>();
    const filled = new Map<number, number>();
    const held: Held = {
      prepare: async (job) => {
        const handle = await device.prepare(job);
        const sizeBytes = job.buffers.reduce((sum, buffer) => sum + buffer.sizeBytes, 0);
        prepared.set(handle, sizeBytes);
        return handle;
      },
      launch: async (handle, dispatches, expected) => {
        const launch = await device.launch(handle, dispatches, expected);
        const sizeBytes = filled.has(handle) ? 0 : (prepared.get(handle) ?? 0);
        filled.set(handle, prepared.get(handle) ?? 0);
        this.usedBytes += sizeBytes;
        return launch;
      },
      release: async (handle) => {
        await device.release(handle);
        this.usedBytes -= filled.get(handle) ?? 0;
        filled.delete(handle);
        prepared.delete(handle);
      },
    };
    return { ...device, ...held };
  }
}
