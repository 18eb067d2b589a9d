import type { ByteRange, ProbeDevice } from "./device.ts";
import { timed } from "./probe-measure.ts";
import type { KernelJob, Launch, ProbePass, ProbeTiming } from "./protocol.ts";

export interface MeterOptions {
  /** Monotonic seconds. */
  now(): number;
  /** Looked at before each call, and while one lasts. */
  signal?: AbortSignal | undefined;
}

/**
 * A device that counts what is taken of it, and knows what was prepared and not released. An abort
 * ends the wait for any call at once; the call itself, a launch of a quarter of a second, ends by
 * itself, or with the process.
 */
export class MeteredDevice implements ProbeDevice {
  readonly #device: ProbeDevice;
  readonly #options: MeterOptions;
  readonly #open = new Set<number>();
  #gpuSeconds = 0;

  constructor(device: ProbeDevice, options: MeterOptions) {
    this.#device = device;
    this.#options = options;
  }

  /**
   * Of all calls so far: launches by the device's own clock where it has one, else by the host's;
   * tables that the device computes itself by the host's clock, which counts compiling as well.
   */
  get gpuSeconds(): number {
    return this.#gpuSeconds;
  }

  get adapter(): ProbeDevice["adapter"] {
    return this.#device.adapter;
  }

  get pid(): number {
    return this.#device.pid;
  }

  async prepare(job: KernelJob): Promise<number> {
    const { now } = this.#options;
    const startedAt = now();
    const counted = (job.setup?.length ?? 0) > 0;
    try {
      return await this.#unlessAborted(async () => {
        const handle = await this.#device.prepare(job);
        this.#open.add(handle);
        // Whoever asked has gone already.
        if (this.#options.signal?.aborted) await this.release(handle);
        return handle;
      });
    } finally {
      if (counted) this.#gpuSeconds += now() - startedAt;
    }
  }

  launch(handle: number, dispatches: number, expectedSeconds: number): Promise<Launch> {
    return this.#unlessAborted(async () => {
      const launch = await this.#device.launch(handle, dispatches, expectedSeconds);
      this.#gpuSeconds += launch.gpuSeconds ?? launch.wallSeconds;
      return launch;
    });
  }

  probe(passes: readonly ProbePass[], expectedSeconds: number): Promise<ProbeTiming> {
    return this.#unlessAborted(async () => {
      const timing = await this.#device.probe(passes, expectedSeconds);
      this.#gpuSeconds += timed(timing, passes.length).durationSeconds;
      return timing;
    });
  }

  read(handle: number, binding: number, range?: ByteRange): Promise<Uint8Array> {
    return this.#unlessAborted(() => this.#device.read(handle, binding, range));
  }

  /** Also after an abort: what was taken is given back. */
  async release(handle: number): Promise<void> {
    this.#open.delete(handle);
    await this.#device.release(handle);
  }

  /** What a kernel that failed half-way left behind. */
  async releaseAll(): Promise<void> {
    for (const handle of this.#open) await this.release(handle);
  }

  close(): Promise<void> {
    return this.#device.close();
  }

  async #unlessAborted<T>(call: () => Promise<T>): Promise<T> {
    const { signal } = this.#options;
    if (!signal) return call();
    signal.throwIfAborted();
    const settled = new AbortController();
    const running = call().finally(() => settled.abort());
    // Nobody waits for a call that an abort overtook.
    running.catch(() => undefined);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), {
        once: true,
        signal: settled.signal,
      });
    });
    return await Promise.race([running, aborted]);
  }
}
