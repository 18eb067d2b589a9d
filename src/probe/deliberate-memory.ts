import type { ProbeDevice } from "./device.ts";
import { gridOf } from "./kernels/kernel.ts";

/** What it takes of a device to hold memory on purpose. */
export type MemoryDevice = Pick<ProbeDevice, "prepare" | "launch" | "release">;

export const FILL_SHADER = "fill.wgsl";
/** Of `fill.wgsl`: one vector an invocation. */
const BYTES_PER_WORKGROUP = 64 * 16;
/** The driver's own memory for a first launch is taken with this, and so not counted later. */
const SMALL_BYTES = 64 * 1024;

/**
 * Memory of the device that can be taken and given back, to be seen from outside.
 * @throws AssayError `probe/refused` where the device has no room, `probe/crashed`
 */
export class DeliberateMemory {
  readonly #device: MemoryDevice;
  readonly #code: string;
  readonly #small: number;
  #taken: number | undefined;

  private constructor(device: MemoryDevice, code: string, small: number) {
    this.#device = device;
    this.#code = code;
    this.#small = small;
  }

  /** @param code the text of `fill.wgsl` */
  static async open(device: MemoryDevice, code: string): Promise<DeliberateMemory> {
    const small = await device.prepare(fillJob(code, SMALL_BYTES));
    await device.launch(small, 1, 0);
    return new DeliberateMemory(device, code, small);
  }

  /** @param sizeBytes a multiple of 16 */
  async take(sizeBytes: number): Promise<void> {
    this.#taken = await this.#device.prepare(fillJob(this.#code, sizeBytes));
    await this.#device.launch(this.#taken, 1, 0);
  }

  /** Safe where nothing is taken. */
  async giveBack(): Promise<void> {
    if (this.#taken === undefined) return;
    const handle = this.#taken;
    this.#taken = undefined;
    await this.#device.release(handle);
    // The library lets go of what was destroyed when later work is done, and only then.
    await this.#device.launch(this.#small, 1, 0);
    await this.#device.launch(this.#small, 1, 0);
  }

  async close(): Promise<void> {
    await this.giveBack();
    await this.#device.release(this.#small);
  }
}

function fillJob(code: string, sizeBytes: number): Parameters<MemoryDevice["prepare"]>[0] {
  return {
    label: "memory to be recognised by",
    code,
    entryPoint: "fill",
    workgroups: gridOf(Math.ceil(sizeBytes / BYTES_PER_WORKGROUP)),
    buffers: [{ binding: 0, kind: "read-write", sizeBytes }],
  };
}
