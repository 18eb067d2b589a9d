import { AssayError } from "../../src/model/errors.ts";
import type { ProbeDevice } from "../../src/probe/device.ts";
import type { Kernel } from "../../src/probe/kernels/kernel.ts";
import type { Variant } from "../../src/probe/kernels/variant.ts";
import type { AdapterDescription, KernelJob } from "../../src/probe/protocol.ts";
import { adapterDescription } from "./adapter.ts";

/** The scripted kernel's shader: which shape runs is told by this one constant. */
export const CODE = "const WIDTH = 1u;\n";
const WORK_PER_DISPATCH = 1000;

/** How one shape behaves. */
export interface Script {
  /** Units of work a second, by the number of the launch; a number for all of them. */
  rate: number | ((launch: number) => number);
  refused?: "verify" | "prepare" | "launch" | "crash";
  /** Computes wrongly in small, or only in the work that is measured. */
  wrong?: "verify" | "check";
  bufferBytes?: number;
}

export const ADAPTER = adapterDescription({
  vendor: "nvidia",
  architecture: "hopper",
  device: "0x2330",
  description: "NVIDIA H200, driver 570.1",
});

/** A device whose launches take what a script says, on a clock that only they move. */
export class ScriptedDevice implements ProbeDevice {
  readonly adapter: AdapterDescription;
  readonly pid = 1;
  /** What was asked, in order: `prepare 2`, `launch 2`, `release 2`. */
  readonly asked: string[] = [];
  /** Shapes that are on the device now, and the most at once. */
  readonly held = new Map<number, number>();
  mostHeld = 0;
  seconds = 0;
  onLaunch: (() => void) | undefined;
  readonly #scripts: readonly Script[];
  readonly #launches = new Map<number, number>();
  #nextHandle = 0;

  constructor(scripts: readonly Script[], adapter: AdapterDescription = ADAPTER) {
    this.#scripts = scripts;
    this.adapter = adapter;
  }

  readonly now = (): number => this.seconds;

  script(width: number): Script {
    return this.#scripts[width - 1] ?? { rate: 1 };
  }

  async prepare(job: KernelJob): Promise<number> {
    const width = Number(/WIDTH = (\d+)u/.exec(job.code)?.[1]);
    this.asked.push(`prepare ${width}`);
    if (this.script(width).refused === "prepare")
      throw new AssayError("probe/refused", `out of memory\u0007 for ${width}`);
    const handle = this.#nextHandle++;
    this.held.set(handle, width);
    this.mostHeld = Math.max(this.mostHeld, this.held.size);
    return handle;
  }

  async probe(): Promise<never> {
    throw new Error("a search does not probe");
  }

  async launch(handle: number, dispatches: number) {
    const width = this.held.get(handle) ?? 0;
    const script = this.script(width);
    this.asked.push(`launch ${width}`);
    this.onLaunch?.();
    if (script.refused === "launch") throw new AssayError("probe/refused", "launch refused");
    if (script.refused === "crash") throw new AssayError("probe/crashed", "the process died");
    const launch = this.#launches.get(width) ?? 0;
    this.#launches.set(width, launch + 1);
    const rate = typeof script.rate === "number" ? script.rate : script.rate(launch);
    const gpuSeconds = (dispatches * WORK_PER_DISPATCH) / rate;
    if (!Number.isFinite(gpuSeconds)) return { wallSeconds: 0 };
    this.seconds += gpuSeconds;
    return { wallSeconds: 2 * gpuSeconds, gpuSeconds };
  }

  async read(): Promise<Uint8Array> {
    return new Uint8Array(4);
  }

  async release(handle: number): Promise<void> {
    this.asked.push(`release ${this.held.get(handle)}`);
    this.held.delete(handle);
  }

  async close(): Promise<void> {}

  launchesOf(width: number): number {
    return this.asked.filter((asked) => asked === `launch ${width}`).length;
  }
}

/** A kernel with one shape for each of the device's scripts. */
export function scriptedKernel(device: ScriptedDevice, shapes: number, verifySeconds = 0): Kernel {
  const [first, ...others] = Array.from({ length: shapes }, (_, i): Variant => ({ WIDTH: i + 1 }));
  const widthOf = (code: string): number => Number(/WIDTH = (\d+)u/.exec(code)?.[1]);
  return {
    name: "scripted",
    family: "alu",
    unit: "op/s",
    purpose: "to be measured",
    shader: "scripted.wgsl",
    cost: {},
    lacks: () => undefined,
    variants: () => [first ?? {}, ...others],
    verify: async (_, { code }) => {
      device.asked.push(`verify ${widthOf(code)}`);
      device.seconds += verifySeconds;
      const { refused, wrong } = device.script(widthOf(code));
      if (refused === "verify") throw new AssayError("probe/refused", "does not compile");
      if (wrong === "verify") throw new AssayError("probe/wrong-result", "computes wrongly");
    },
    workload: ({ build: { code } }) => ({
      job: {
        label: "scripted",
        code,
        entryPoint: "main",
        workgroups: [1, 1, 1],
        buffers: [
          {
            binding: 0,
            kind: "read-write",
            sizeBytes: device.script(widthOf(code)).bufferBytes ?? 4,
          },
        ],
      },
      workPerDispatch: WORK_PER_DISPATCH,
      check: async () => {
        device.asked.push(`check ${widthOf(code)}`);
        if (device.script(widthOf(code)).wrong === "check")
          throw new AssayError("probe/wrong-result", "wrong in the long run");
      },
    }),
  };
}
