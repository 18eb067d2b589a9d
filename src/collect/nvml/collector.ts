import { AssayError } from "../../model/errors.ts";
import type { NodeObservation, Observation } from "../../model/observation.ts";
import type { GpuInfo } from "../../model/sample.ts";
import type { BackoffSettings } from "../backoff.ts";
import type { Collector, OpenResult } from "../contract.ts";
import { sleep } from "../sleep.ts";
import { throwIfLibraryLost } from "./device-calls.ts";
import { openDevice } from "./device.ts";
import { readText, readU32, SIZES } from "./layouts.ts";
import { loadNvml, type LoadResult, type NvmlLibrary } from "./library.ts";
import { NVML, resultText } from "./results.ts";
import { DeviceSlot } from "./slot.ts";

export interface NvmlSettings {
  node: string;
  intervalMs: number;
  /** Path or soname; by default the driver's own `libnvidia-ml.so.1`. */
  library?: string | undefined;
  /** True where `library` is a stand-in that measures no real device. */
  simulated?: boolean | undefined;
  /** Waits between attempts to get a lost device back: 5 s to 5 min by default. */
  lostDevice?: BackoffSettings | undefined;
  /** How long closing waits for a call the driver does not return from: 2 s by default. */
  closeTimeoutMs?: number | undefined;
}

export interface NvmlDeps {
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
  load?: ((path?: string) => Promise<LoadResult>) | undefined;
}

const LOST_DEVICE: BackoffSettings = { firstMs: 5000, maxMs: 300_000 };
const CLOSE_TIMEOUT_MS = 2000;
const NO_DRIVER = "Install the NVIDIA driver, or give the container the `utility` capability.";
/** Utilisation samples older than two intervals, and than this, no longer speak of now. */
const SAMPLE_AGE_MS = 2000;

/** Reads NVIDIA devices through NVML. It asks the driver only; it changes nothing. */
export function createNvmlCollector(settings: NvmlSettings, deps: NvmlDeps): Collector {
  return new NvmlCollector(settings, deps);
}

class NvmlCollector implements Collector {
  readonly name = "nvml";
  readonly #settings: NvmlSettings;
  readonly #deps: NvmlDeps;
  #library: NvmlLibrary | undefined;
  #driverVersion: string | undefined;
  #slots: DeviceSlot[] = [];
  #announced: string | undefined;
  /** The work under way: the library must not be unloaded beneath it. */
  #busy: Promise<unknown> = Promise.resolve();

  constructor(settings: NvmlSettings, deps: NvmlDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** @throws AssayError `nvml/library` where NVML is there but cannot be used */
  open(): Promise<OpenResult> {
    return this.#track(this.#open());
  }

  collect(atMs: number): Promise<readonly Observation[]> {
    return this.#track(this.#collect(atMs));
  }

  /** Shuts NVML down and unloads it, so that a driver replaced meanwhile is found at the next open. */
  async close(): Promise<void> {
    const library = this.#library;
    this.#library = undefined;
    this.#slots = [];
    this.#announced = undefined;
    if (!library) return;
    const timeoutMs = this.#settings.closeTimeoutMs ?? CLOSE_TIMEOUT_MS;
    const shutDown = this.#busy.then(() => library.call("nvmlShutdown"));
    // A call the driver never returns from still runs in the library's code: then it stays loaded.
    if (await settlesWithin(shutDown, timeoutMs)) library.unload();
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#busy = work.then(
      () => undefined,
      () => undefined,
    );
    return work;
  }

  async #open(): Promise<OpenResult> {
    const loaded = await (this.#deps.load ?? loadNvml)(this.#settings.library);
    if (loaded.status === "missing") {
      return { status: "absent", reason: `no NVIDIA driver: ${loaded.reason}`, hint: NO_DRIVER };
    }
    const { library } = loaded;
    const absent = await initialize(library);
    if (absent) return absent;
    this.#library = library;
    this.#driverVersion = await readDriverVersion(library);
    await this.#enumerate(library, await countDevices(library));
    if (this.#slots.length === 0) {
      await library.call("nvmlShutdown");
      library.unload();
      this.#library = undefined;
      return { status: "absent", reason: "the NVIDIA driver sees no device" };
    }
    return { status: "ready", detail: this.#describe() };
  }

  async #collect(atMs: number): Promise<readonly Observation[]> {
    const library = this.#library;
    if (!library) throw new AssayError("nvml/library", "NVML is not open");
    const count = await countDevices(library);
    if (count !== this.#slots.length) await this.#enumerate(library, count);
    const sinceMs = atMs - Math.max(2 * this.#settings.intervalMs, SAMPLE_AGE_MS);
    const observations: Observation[] = [];
    for (const slot of this.#slots) {
      observations.push(...(await slot.sample(atMs, this.#deps.monotonicMs(), sinceMs)));
    }
    const node = this.#nodeIfChanged(atMs);
    return node ? [node, ...observations] : observations;
  }

  async #enumerate(library: NvmlLibrary, count: number): Promise<void> {
    const backoff = this.#settings.lostDevice ?? LOST_DEVICE;
    this.#slots = Array.from({ length: count }, (_, index) => {
      const reopen = () => openDevice(library, index, this.#driverVersion);
      return new DeviceSlot(index, backoff, reopen);
    });
    for (const slot of this.#slots) await slot.open(this.#deps.monotonicMs());
  }

  #gpus(): GpuInfo[] {
    return this.#slots.flatMap((slot) => (slot.device ? [slot.device.info] : []));
  }

  #nodeIfChanged(atMs: number): NodeObservation | undefined {
    const gpus = this.#gpus();
    const shape = JSON.stringify(gpus);
    if (shape === this.#announced) return undefined;
    this.#announced = shape;
    const { node, intervalMs, simulated = false } = this.#settings;
    return { kind: "node", atMs, node, source: "nvml", simulated, intervalMs, gpus };
  }

  #describe(): string {
    const names = this.#gpus().map((gpu) => `${gpu.index} ${gpu.model}`);
    const silent = this.#slots.flatMap(({ device, index, lostReason }) =>
      device ? [] : [`${index} does not answer: ${lostReason ?? "unknown"}`],
    );
    const missing = this.#library?.missing ?? [];
    return [
      `driver ${this.#driverVersion ?? "of unknown version"}`,
      ...names,
      ...silent,
      ...(missing.length > 0 ? [`not in this driver: ${missing.join(", ")}`] : []),
    ].join("; ");
  }
}

/** Undefined once NVML is ready; `absent` where no driver runs. @throws AssayError for the rest */
async function initialize(library: NvmlLibrary): Promise<OpenResult | undefined> {
  const result = await library.call("nvmlInit_v2");
  if (result === NVML.success) return undefined;
  const { path } = library;
  library.unload();
  if (result === NVML.driverNotLoaded) {
    const reason = "the NVIDIA driver is installed but not loaded";
    return { status: "absent", reason, hint: "Load the kernel module: modprobe nvidia" };
  }
  const hint =
    result === NVML.versionMismatch
      ? "The driver was updated while it ran: reload the kernel module or reboot."
      : "Run nvidia-smi: it should fail in the same way.";
  throw new AssayError("nvml/library", `nvmlInit_v2: ${resultText(result)}`, { place: path, hint });
}

async function countDevices(library: NvmlLibrary): Promise<number> {
  const bytes = new Uint8Array(SIZES.u32);
  const result = await library.call("nvmlDeviceGetCount_v2", bytes);
  throwIfLibraryLost("nvmlDeviceGetCount_v2", result, library.path);
  if (result === NVML.success) return readU32(bytes);
  throw new AssayError("nvml/library", `nvmlDeviceGetCount_v2: ${resultText(result)}`, {
    place: library.path,
  });
}

async function readDriverVersion(library: NvmlLibrary): Promise<string | undefined> {
  const bytes = new Uint8Array(SIZES.text);
  const result = await library.call("nvmlSystemGetDriverVersion", bytes, bytes.length);
  return result === NVML.success ? readText(bytes) : undefined;
}

/** True once `work` has ended, however it did; false when that takes too long. */
async function settlesWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const done = new AbortController();
  const ended = work.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([ended, sleep(timeoutMs, done.signal).then(() => false)]);
  done.abort();
  return inTime;
}
