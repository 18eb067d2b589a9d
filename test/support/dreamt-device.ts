import { AssayError } from "../../src/model/errors.ts";
import type { ProbeDevice } from "../../src/probe/device.ts";
import type { Kernel } from "../../src/probe/kernels/kernel.ts";
import type { AdapterDescription, KernelJob, Launch } from "../../src/probe/protocol.ts";
import { adapterDescription } from "./adapter.ts";

export const ADAPTER = adapterDescription({
  vendor: "nvidia",
  architecture: "ampere",
  device: "T4",
  description: "Tesla T4",
});

/**
 * Time that passes by itself, and takes none: when all that can run has run, the next of those who
 * sleep is woken, at its own time.
 */
export class DreamClock {
  seconds = 100;
  #sleepers: { at: number; wake: () => void }[] = [];
  #isRunning = false;

  readonly now = (): number => this.seconds;

  readonly sleep = (seconds: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper = { at: this.seconds + seconds, wake };
      if (signal?.aborted) return resolve();
      signal?.addEventListener("abort", wake);
      this.#sleepers.push(sleeper);
      if (!this.#isRunning) void this.#run();
    });

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (;;) {
      for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
      const [next] = this.#sleepers.sort((a, b) => a.at - b.at);
      if (!next) break;
      this.seconds = Math.max(this.seconds, next.at);
      next.wake();
    }
    this.#isRunning = false;
  }
}

/** A device that does what a test tells it to; time passes by what it takes. */
export class DreamtDevice implements ProbeDevice {
  readonly adapter: AdapterDescription;
  readonly pid: number;
  readonly clock: DreamClock;
  readonly open = new Set<number>();
  launches: { handle: number; dispatches: number }[] = [];
  closed = false;
  secondsPerDispatch = 0.01;
  /** By the number of the launch, from 0: what it takes over what it should. */
  factorOf: (launch: number) => number = () => 1;
  /** Seconds that a `prepare` takes. */
  preparing = 0;
  onLaunch: (launch: number) => void | Promise<void> = () => undefined;
  onPrepare: (job: KernelJob) => void = () => undefined;
  #next = 0;

  constructor(clock: DreamClock, pid = 4711, adapter: Partial<AdapterDescription> = {}) {
    this.clock = clock;
    this.pid = pid;
    this.adapter = { ...ADAPTER, ...adapter };
  }

  async prepare(job: KernelJob): Promise<number> {
    this.onPrepare(job);
    if (this.preparing > 0) await this.clock.sleep(this.preparing);
    this.open.add(this.#next);
    return this.#next++;
  }

  async launch(handle: number, dispatches: number): Promise<Launch> {
    const number = this.launches.length;
    this.launches.push({ handle, dispatches });
    await this.onLaunch(number);
    const gpuSeconds = dispatches * this.secondsPerDispatch * this.factorOf(number);
    await this.clock.sleep(gpuSeconds);
    return { wallSeconds: gpuSeconds * 1.1, gpuSeconds };
  }

  async probe(): Promise<never> {
    throw new Error("nobody probes a device of a dream");
  }

  async read(): Promise<Uint8Array> {
    return new Uint8Array(4);
  }

  async release(handle: number): Promise<void> {
    if (!this.open.delete(handle)) throw new Error(`${handle} is not open`);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

const JOB: KernelJob = {
  label: "scripted",
  code: "",
  entryPoint: "main",
  workgroups: [1, 1, 1],
  buffers: [],
};

/** A kernel of 1000 hashes a dispatch that verifies with one launch of one dispatch. */
export function scriptedKernel(over: Partial<Kernel> = {}): Kernel {
  return {
    name: "scripted",
    family: "hash",
    unit: "hash/s",
    purpose: "tests",
    shader: "scripted.wgsl",
    cost: { "int32-op": 5 },
    lacks: () => undefined,
    variants: () => [{ WORKGROUP: 64 }, { WORKGROUP: 128 }],
    verify: async (device) => {
      const handle = await device.prepare({ ...JOB, label: "verify" });
      await device.launch(handle, 1, 0);
      await device.release(handle);
    },
    workload: ({ build }) => ({
      job: { ...JOB, code: build.code },
      workPerDispatch: 1000,
      check: async (read) => void (await read(0)),
    }),
    ...over,
  };
}

export const SHADER = "const WORKGROUP = 256u;\n";

export const crashed = (): AssayError => new AssayError("probe/crashed", "it died");
export const refused = (): AssayError => new AssayError("probe/refused", "out of memory");
