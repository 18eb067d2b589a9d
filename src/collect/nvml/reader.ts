import { AssayError } from "../../model/errors.ts";
import type { NodeObservation, Observation } from "../../model/observation.ts";
import type { GpuInfo } from "../../model/sample.ts";
import type { BackoffSettings } from "../backoff.ts";
import type { BlockingSource } from "../blocking.ts";
import type { OpenResult } from "../contract.ts";
import { throwIfLibraryLost } from "./device-calls.ts";
import { openDevice } from "./device.ts";
import { readText, readU32, SIZES } from "./layouts.ts";
import { loadNvml, type NvmlLibrary } from "./library.ts";
import { NVML, resultText } from "./results.ts";
import { DeviceSlot } from "./slot.ts";
import { XidEvents } from "./xid-events.ts";

export interface NvmlSettings {
  node: string;
  intervalMs: number;
  /** Path or soname; by default the driver's own `libnvidia-ml.so.1`. */
  library?: string | undefined;
  /** True where `library` is a stand-in that measures no real device. */
  simulated?: boolean | undefined;
  /** Waits between attempts to get a lost device back: 5 s to 5 min by default. */
  lostDevice?: BackoffSettings | undefined;
}

const LOST_DEVICE: BackoffSettings = { firstMs: 5000, maxMs: 300_000 };
const NO_DRIVER = "Install the NVIDIA driver, or give the container the `utility` capability.";
/** Utilisation samples older than two intervals, and than this, no longer speak of now. */
const SAMPLE_AGE_MS = 2000;

/** Reads NVIDIA devices through NVML. It asks the driver only; it changes nothing. */
export class NvmlReader implements BlockingSource {
  readonly #settings: NvmlSettings;
  #library: NvmlLibrary | undefined;
  #driverVersion: string | undefined;
  #slots: DeviceSlot[] = [];
  #xidEvents: XidEvents | undefined;
  #announced: string | undefined;
  /** The very objects that were compared last. */
  #compared: readonly GpuInfo[] = [];

  constructor(settings: NvmlSettings) {
    this.#settings = settings;
  }

  /** Shuts NVML down and unloads it, so that a driver replaced meanwhile is found at the next open. */
  close(): void {
    const library = this.#library;
    this.#library = undefined;
    for (const slot of this.#slots) slot.close();
    this.#slots = [];
    this.#xidEvents?.close();
    this.#xidEvents = undefined;
    this.#announced = undefined;
    if (!library) return;
    library.call("nvmlShutdown");
    library.unload();
  }

  /** @throws AssayError `nvml/library` where NVML is there but cannot be used */
  open(nowMs: number): OpenResult {
    const loaded = loadNvml(this.#settings.library);
    if (loaded.status === "missing") {
      return { status: "absent", reason: `no NVIDIA driver: ${loaded.reason}`, hint: NO_DRIVER };
    }
    const { library } = loaded;
    const absent = initialize(library);
    if (absent) return absent;
    this.#library = library;
    this.#driverVersion = readDriverVersion(library);
    this.#enumerate(library, countDevices(library), nowMs);
    if (this.#slots.length === 0) {
      library.call("nvmlShutdown");
      library.unload();
      this.#library = undefined;
      return { status: "absent", reason: "the NVIDIA driver sees no device" };
    }
    this.#xidEvents = new XidEvents(library);
    return { status: "ready", detail: this.#describe() };
  }

  collect(atMs: number, nowMs: number): readonly Observation[] {
    const library = this.#library;
    if (!library) throw new AssayError("nvml/library", "NVML is not open");
    const count = countDevices(library);
    if (count !== this.#slots.length) this.#enumerate(library, count, nowMs);
    const sinceMs = atMs - Math.max(2 * this.#settings.intervalMs, SAMPLE_AGE_MS);
    const observations: Observation[] = [];
    const watched = this.#slots.flatMap(({ device, lostReason }) =>
      device && lostReason === undefined ? [device.handle] : [],
    );
    const xids = this.#xidEvents?.poll(watched, nowMs);
    for (const slot of this.#slots) {
      const own = slot.device && xids?.get(slot.device.handle);
      observations.push(...slot.sample(atMs, nowMs, sinceMs, own));
    }
    const node = this.#nodeIfChanged(atMs);
    return node ? [node, ...observations] : observations;
  }

  #enumerate(library: NvmlLibrary, count: number, nowMs: number): void {
    const backoff = this.#settings.lostDevice ?? LOST_DEVICE;
    for (const slot of this.#slots) slot.close();
    this.#slots = Array.from({ length: count }, (_, index) => {
      const reopen = () => openDevice(library, index, this.#driverVersion);
      return new DeviceSlot(index, backoff, reopen);
    });
    for (const slot of this.#slots) slot.open(nowMs);
  }

  #gpus(): GpuInfo[] {
    return this.#slots.flatMap((slot) => (slot.device ? [slot.device.info] : []));
  }

  #nodeIfChanged(atMs: number): NodeObservation | undefined {
    const gpus = this.#gpus();
    const isSame = gpus.every((gpu, i) => gpu === this.#compared[i]);
    if (isSame && gpus.length === this.#compared.length && this.#announced) return undefined;
    this.#compared = gpus;
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
function initialize(library: NvmlLibrary): OpenResult | undefined {
  const result = library.call("nvmlInit_v2");
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

function countDevices(library: NvmlLibrary): number {
  const bytes = new Uint8Array(SIZES.u32);
  const result = library.call("nvmlDeviceGetCount_v2", bytes);
  throwIfLibraryLost("nvmlDeviceGetCount_v2", result, library.path);
  if (result === NVML.success) return readU32(bytes);
  throw new AssayError("nvml/library", `nvmlDeviceGetCount_v2: ${resultText(result)}`, {
    place: library.path,
  });
}

function readDriverVersion(library: NvmlLibrary): string | undefined {
  const bytes = new Uint8Array(SIZES.text);
  const result = library.call("nvmlSystemGetDriverVersion", bytes, bytes.length);
  return result === NVML.success ? readText(bytes) : undefined;
}
