import { describeAdapter, requestedFeatures, requestedLimits } from "./adapter.ts";
import { ChildFailure, messageOf } from "./child-failure.ts";
import { scoped } from "./error-scope.ts";
import { elapsedSeconds, GpuTimer, passTimings } from "./gpu-timer.ts";
import type {
  AdapterDescription,
  BufferSpec,
  KernelJob,
  Launch,
  ProbePass,
  ProbeTiming,
  SetupStep,
} from "./protocol.ts";

/** Of an expected duration, what is slept where only the host's clock times the launch. */
const WALL_SLEEP_SHARE = 0.8;

interface Prepared {
  label: string;
  pipeline: GPUComputePipeline;
  group: GPUBindGroup;
  buffers: ReadonlyMap<number, GPUBuffer>;
  workgroups: KernelJob["workgroups"];
}

export interface RunnerClock {
  /** Monotonic seconds. */
  now(): number;
  sleep(seconds: number): Promise<void>;
  /** Waits for what the device has been asked for, without spinning a core. */
  quietly<T>(pending: Promise<T>): Promise<T>;
}

/** The device inside the child: compiles kernels once, launches them, reads their buffers. */
export class GpuRunner {
  readonly adapter: AdapterDescription;
  readonly #device: GPUDevice;
  readonly #timer: GpuTimer | undefined;
  readonly #clock: RunnerClock;
  readonly #prepared = new Map<number, Prepared>();
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  #nextHandle = 0;
  #lost: string | undefined;

  private constructor(
    adapter: AdapterDescription,
    device: GPUDevice,
    timer: GpuTimer | undefined,
    clock: RunnerClock,
  ) {
    this.adapter = adapter;
    this.#device = device;
    this.#clock = clock;
    this.#timer = timer;
    void this.#watch();
  }

  /** @throws ChildFailure `no-adapter` where the system offers none, which is a normal state. */
  static async open(gpu: GPU, clock: RunnerClock): Promise<GpuRunner> {
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw new ChildFailure("no-adapter", "the system offers no WebGPU adapter");
    const timestamps = adapter.features.has("timestamp-query");
    const description = describeAdapter(adapter, gpu.wgslLanguageFeatures);
    try {
      const device = await adapter.requestDevice({
        requiredFeatures: requestedFeatures(adapter),
        requiredLimits: requestedLimits(adapter),
      });
      const timer = timestamps
        ? await scoped(device, "create the timer", () => new GpuTimer(device))
        : undefined;
      return new GpuRunner(description, device, timer, clock);
    } catch (error) {
      throw new ChildFailure("refused", `no device from the adapter: ${messageOf(error)}`, error);
    }
  }

  /**
   * Compiles the kernel, fills its buffers and runs its setup. Returns the handle by which to
   * launch it.
   */
  async prepare(job: KernelJob): Promise<number> {
    const device = this.#device;
    const pipeline = await this.#pipeline(job.label, job);
    const buffers = new Map<number, GPUBuffer>();
    try {
      for (const spec of job.buffers) {
        const buffer = await this.#guard(`allocate for ${job.label}`, () =>
          createBuffer(device, spec),
        );
        buffers.set(spec.binding, buffer);
      }
      for (const step of job.setup ?? []) await this.#setUp(job.label, step, buffers);
      const group = await this.#bind(job.label, job, pipeline, buffers);
      const handle = this.#nextHandle++;
      const { label, workgroups } = job;
      this.#prepared.set(handle, { label, pipeline, group, buffers, workgroups });
      return handle;
    } catch (error) {
      for (const buffer of buffers.values()) buffer.destroy();
      throw error;
    }
  }

  /** Runs the kernel `dispatches` times in one pass and waits for it without spinning a core. */
  async launch(handle: number, dispatches: number, expectedSeconds: number): Promise<Launch> {
    const { wallSeconds, stamps } = await this.#submit([{ handle, dispatches }], expectedSeconds);
    const gpuSeconds = elapsedSeconds(stamps?.[0], stamps?.[1]);
    return gpuSeconds === undefined ? { wallSeconds } : { wallSeconds, gpuSeconds };
  }

  /** Several short passes in one submission, each timed by itself. */
  async probe(passes: readonly ProbePass[], expectedSeconds: number): Promise<ProbeTiming> {
    const { wallSeconds, stamps } = await this.#submit(passes, expectedSeconds);
    return stamps ? { wallSeconds, passes: passTimings(stamps, wallSeconds) } : { wallSeconds };
  }

  async #submit(
    passes: readonly ProbePass[],
    expectedSeconds: number,
  ): Promise<{ wallSeconds: number; stamps: BigUint64Array | undefined }> {
    const work = passes.map(({ handle, dispatches }) => ({ of: this.#find(handle), dispatches }));
    const labels = [...new Set(work.map(({ of }) => of.label))].join(", ");
    const device = this.#device;
    const timer = this.#timer;
    let startedAt = 0;
    await this.#guard(`launch ${labels}`, () => {
      const encoder = device.createCommandEncoder();
      for (const [i, { of, dispatches }] of work.entries()) {
        const pass = encoder.beginComputePass(timer ? { timestampWrites: timer.writes(i) } : {});
        pass.setPipeline(of.pipeline);
        pass.setBindGroup(0, of.group);
        for (let n = 0; n < dispatches; n++) pass.dispatchWorkgroups(...of.workgroups);
        pass.end();
      }
      timer?.resolve(encoder, work.length);
      const commands = encoder.finish();
      startedAt = this.#clock.now();
      device.queue.submit([commands]);
    });
    await this.#clock.sleep(expectedSeconds * (timer ? 1 : WALL_SLEEP_SHARE));
    const answer = this.#guard(`wait for ${labels}`, async () =>
      timer ? timer.stamps() : void (await device.queue.onSubmittedWorkDone()),
    );
    const stamps = await this.#clock.quietly(answer);
    return { wallSeconds: Math.max(0, this.#clock.now() - startedAt), stamps };
  }

  /** What is in the buffer of a binding now, or in a part of it. */
  async read(
    handle: number,
    binding: number,
    range?: { offsetBytes: number; sizeBytes: number },
  ): Promise<Uint8Array> {
    const kernel = this.#find(handle);
    const source = kernel.buffers.get(binding);
    if (!source) {
      throw new ChildFailure("refused", `${kernel.label} has no buffer at binding ${binding}`);
    }
    const { offsetBytes, sizeBytes } = range ?? { offsetBytes: 0, sizeBytes: source.size };
    const device = this.#device;
    const staging = await this.#guard(`read ${kernel.label}`, () => {
      const buffer = device.createBuffer({
        size: sizeBytes,
        usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
      });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(source, offsetBytes, buffer, 0, sizeBytes);
      device.queue.submit([encoder.finish()]);
      return buffer;
    });
    try {
      await this.#guard(`map ${kernel.label}`, () => staging.mapAsync(GPUMapMode.READ));
      return new Uint8Array(staging.getMappedRange()).slice();
    } finally {
      staging.destroy();
    }
  }

  release(handle: number): void {
    for (const buffer of this.#find(handle).buffers.values()) buffer.destroy();
    this.#prepared.delete(handle);
  }

  close(): void {
    this.#device.destroy();
  }

  /** One step of a setup: waited for, so that the next one does not queue behind it. */
  async #setUp(
    label: string,
    step: SetupStep,
    buffers: ReadonlyMap<number, GPUBuffer>,
  ): Promise<void> {
    const device = this.#device;
    const pipeline = await this.#pipeline(label, step);
    const group = await this.#bind(label, step, pipeline, buffers);
    await this.#guard(`set up ${label}`, () => {
      for (const { binding, offsetBytes, data } of step.writes ?? []) {
        const buffer = buffers.get(binding);
        if (!buffer) throw new ChildFailure("refused", `${label} has no buffer ${binding}`);
        device.queue.writeBuffer(buffer, offsetBytes, ownBytes(data));
      }
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...step.workgroups);
      pass.end();
      device.queue.submit([encoder.finish()]);
    });
    await this.#guard(`wait for ${label}`, () => device.queue.onSubmittedWorkDone());
  }

  #bind(
    label: string,
    { bindings }: Pick<KernelJob, "bindings">,
    pipeline: GPUComputePipeline,
    buffers: ReadonlyMap<number, GPUBuffer>,
  ): Promise<GPUBindGroup> {
    const used = [...buffers].filter(([binding]) => bindings?.includes(binding) ?? true);
    return this.#guard(`bind ${label}`, () =>
      this.#device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: used.map(([binding, buffer]) => ({ binding, resource: { buffer } })),
      }),
    );
  }

  /** Compiling takes up to seconds: once per code and entry point. */
  async #pipeline(
    label: string,
    { code, entryPoint }: Pick<KernelJob, "code" | "entryPoint">,
  ): Promise<GPUComputePipeline> {
    const key = `${entryPoint}\n${code}`;
    const compiled = this.#pipelines.get(key);
    if (compiled) return compiled;
    const device = this.#device;
    const pipeline = await this.#guard(`compile ${label}`, () =>
      device.createComputePipelineAsync({
        layout: "auto",
        compute: { module: device.createShaderModule({ code }), entryPoint },
      }),
    );
    this.#pipelines.set(key, pipeline);
    return pipeline;
  }

  async #watch(): Promise<void> {
    const info = await this.#device.lost;
    this.#lost = `${info.reason}: ${info.message}`;
  }

  #find(handle: number): Prepared {
    const kernel = this.#prepared.get(handle);
    if (!kernel) throw new ChildFailure("refused", `no kernel was prepared as ${handle}`);
    return kernel;
  }

  /** `scoped`, and a device that is gone is called lost, whatever the call itself said. */
  async #guard<T>(what: string, calls: () => T | Promise<T>): Promise<T> {
    try {
      if (this.#lost !== undefined) throw new ChildFailure("device-lost", this.#lost);
      return await scoped(this.#device, what, calls);
    } catch (error) {
      if (this.#lost === undefined) throw error;
      throw new ChildFailure("device-lost", `${what}: device lost, ${this.#lost}`, error);
    }
  }
}

const USAGE = {
  uniform: () => GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  read: () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  "read-write": () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
};

function createBuffer(device: GPUDevice, spec: BufferSpec): GPUBuffer {
  const { sizeBytes, kind, data, fill } = spec;
  // A table of gibibytes is not mapped only to be filled with the zeros that it has anyway.
  const mappedAtCreation = data !== undefined || (fill ?? 0) !== 0;
  const buffer = device.createBuffer({ size: sizeBytes, usage: USAGE[kind](), mappedAtCreation });
  if (!mappedAtCreation) return buffer;
  const bytes = new Uint8Array(buffer.getMappedRange());
  bytes.fill(fill ?? 0);
  if (data) bytes.set(data);
  buffer.unmap();
  return buffer;
}

/** Bytes that are sure to lie in memory of their own, as the library's types ask for. */
function ownBytes(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data);
}
