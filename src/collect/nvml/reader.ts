import { AssayError } from "../../model/errors.ts";
import type { GapObservation, NodeObservation, Observation } from "../../model/observation.ts";
import type { GpuInfo } from "../../model/sample.ts";
import type { BackoffSettings } from "../backoff.ts";
import type { BlockingSource } from "../blocking.ts";
import type { OpenResult } from "../contract.ts";
import { CardSlot } from "./card.ts";
import { countDevices, initialize, readDriverVersion } from "./driver.ts";
import { GpmReader } from "./gpm.ts";
import { loadNvml, type NvmlLibrary } from "./library.ts";
import type { OpenInstanceCounters } from "./mig-device.ts";
import { ToldTimes } from "./told-times.ts";
import { XidEvents } from "./xid-events.ts";

export interface NvmlSettings {
  node: string;
  intervalMs: number;
  /** Path or soname; by default the driver's own `libnvidia-ml.so.1`. */
  library?: string | undefined;
  /** True where `library` is a stand-in that measures no real device. */
  simulated?: boolean | undefined;
  /** Which of the driver's buffers are read, by the names of their signals: all by default. */
  signals?: readonly string[] | undefined;
  /** Waits between attempts to get a lost device back: 5 s to 5 min by default. */
  lostDevice?: BackoffSettings | undefined;
}

const LOST_DEVICE: BackoffSettings = { firstMs: 5000, maxMs: 300_000 };
const NO_DRIVER = "Install the NVIDIA driver, or give the container the `utility` capability.";
/** Utilisation samples older than two intervals, and than this, no longer speak of now. */
const SAMPLE_AGE_MS = 2000;

/** No node has more; beyond it the driver's count is garbage, and indexes of MIG devices begin. */
const MAX_CARDS = 100;

const openGpm: OpenInstanceCounters = (card, gpuInstanceId) =>
  new GpmReader(card, { gpuInstanceId });

/** What a reader is made of, for those who look on or play a part. */
export interface NvmlReaderParts {
  /** How to read the counters of a GPU instance: by GPM. */
  openCounters?: OpenInstanceCounters | undefined;
  load?: typeof loadNvml | undefined;
}

/** Reads NVIDIA devices through NVML. It asks the driver only; it changes nothing. */
export class NvmlReader implements BlockingSource {
  readonly #settings: NvmlSettings;
  readonly #openCounters: OpenInstanceCounters;
  readonly #load: typeof loadNvml;
  /** Outlives the library, so that a device keeps its account when the driver is loaded anew. */
  readonly #told = new ToldTimes();
  #library: NvmlLibrary | undefined;
  #driverVersion: string | undefined;
  #count = 0;
  #cards: CardSlot[] = [];
  #xidEvents: XidEvents | undefined;
  /** The devices told of last, as text and as the very objects that they were. */
  #announced: string | undefined;
  #listed: readonly GpuInfo[] = [];

  constructor(settings: NvmlSettings, parts: NvmlReaderParts = {}) {
    this.#settings = settings;
    this.#openCounters = parts.openCounters ?? openGpm;
    this.#load = parts.load ?? loadNvml;
  }

  /** Shuts NVML down and unloads it, so that a driver replaced meanwhile is found at the next open. */
  close(): void {
    const library = this.#library;
    this.#library = undefined;
    for (const card of this.#cards) card.close();
    this.#cards = [];
    this.#xidEvents?.close();
    this.#xidEvents = undefined;
    this.#announced = undefined;
    if (!library) return;
    library.call("nvmlShutdown");
    library.unload();
  }

  /** @throws AssayError `nvml/library` where NVML is there but cannot be used */
  open(nowMs: number): OpenResult {
    const loaded = this.#load(this.#settings.library);
    if (loaded.status === "missing") {
      return { status: "absent", reason: `no NVIDIA driver: ${loaded.reason}`, hint: NO_DRIVER };
    }
    const { library } = loaded;
    const absent = initialize(library);
    if (absent) return absent;
    this.#library = library;
    this.#driverVersion = readDriverVersion(library);
    this.#enumerate(library, countDevices(library), nowMs);
    if (this.#cards.length === 0) {
      this.close();
      return { status: "absent", reason: "the NVIDIA driver sees no device" };
    }
    this.#xidEvents = new XidEvents(library);
    return { status: "ready", detail: this.#describe() };
  }

  collect(atMs: number, nowMs: number): readonly Observation[] {
    const library = this.#library;
    if (!library) throw new AssayError("nvml/library", "NVML is not open");
    const count = countDevices(library);
    const isReordered = this.#cards.some(({ whole }) => whole.isTaken);
    if (count !== this.#count || isReordered) this.#enumerate(library, count, nowMs);
    const sinceMs = atMs - Math.max(2 * this.#settings.intervalMs, SAMPLE_AGE_MS);
    const xids = this.#xidEvents?.poll(
      this.#cards.flatMap(({ handle }) => handle ?? []),
      nowMs,
    );
    const observations = this.#cards.flatMap((card) => card.sample(atMs, nowMs, sinceMs, xids));
    return [...this.#announce(atMs), ...observations];
  }

  /** Looks up all cards. Those that are known keep what is known of them: the UUID decides. */
  #enumerate(library: NvmlLibrary, count: number, nowMs: number): void {
    const before = this.#cards;
    const indexes = Array.from({ length: Math.min(count, MAX_CARDS) }, (_, index) => index);
    const opened = indexes.map((index) => this.#openCard(library, index, nowMs));
    const seen = new Set(opened.map(uuidOf));
    const cards = opened.map((card, index) => {
      const uuid = uuidOf(card);
      if (uuid === undefined) {
        // It does not answer: the one that was there is still taken to be there.
        const there = before[index];
        return there && uuidOf(there) !== undefined && !seen.has(uuidOf(there)) ? there : card;
      }
      const known = before.find((other) => isSameCard(other, card));
      known?.whole.retryAtOnce();
      return known ?? card;
    });
    this.#cards = cards.filter(
      (card, i) => uuidOf(card) === undefined || cards.findIndex(hasUuidOf(card)) === i,
    );
    this.#count = count;
    const kept = new Set(this.#cards);
    for (const card of [...before, ...opened]) if (!kept.has(card)) card.close();
  }

  #openCard(library: NvmlLibrary, index: number, nowMs: number): CardSlot {
    const card = new CardSlot({
      library,
      index,
      driverVersion: this.#driverVersion,
      backoff: this.#settings.lostDevice ?? LOST_DEVICE,
      told: this.#told,
      openCounters: this.#openCounters,
      signals: this.#settings.signals,
    });
    card.open(nowMs);
    return card;
  }

  #gpus(): GpuInfo[] {
    return this.#cards.flatMap(({ devices }) => devices.map(({ info }) => info));
  }

  /**
   * The node, if its devices are not those told of last. Before it comes the rest of the time of
   * those that are no longer among them: from the node on, their index may be another's.
   */
  #announce(atMs: number): (NodeObservation | GapObservation)[] {
    const gpus = this.#gpus();
    const isSame = gpus.every((gpu, i) => gpu === this.#listed[i]);
    if (isSame && gpus.length === this.#listed.length && this.#announced) return [];
    const shape = JSON.stringify(gpus);
    const before = this.#listed;
    this.#listed = gpus;
    if (shape === this.#announced) return [];
    this.#announced = shape;
    const gaps = before.flatMap((gpu) => this.#leave(gpu, gpus, atMs) ?? []);
    const { node, intervalMs, simulated = false } = this.#settings;
    return [...gaps, { kind: "node", atMs, node, source: "nvml", simulated, intervalMs, gpus }];
  }

  #leave(gpu: GpuInfo, gpus: readonly GpuInfo[], atMs: number): GapObservation | undefined {
    if (gpus.some(({ uuid }) => uuid === gpu.uuid)) return undefined;
    // A card that was divided, or a part of one that is no more, has no time any longer.
    const isDivided = gpus.some(({ parentUuid }) => parentUuid === gpu.uuid);
    const isOver = isDivided || gpu.parentUuid !== undefined;
    const reason = isOver ? "the card was divided anew" : "the driver no longer lists the device";
    const gap = this.#told.missing(gpu, atMs, reason);
    if (isOver) this.#told.forget(gpu.uuid);
    return gap;
  }

  #describe(): string {
    const names = this.#gpus().map((gpu) => `${gpu.index} ${gpu.model}`);
    const silent = this.#cards.flatMap(({ devices, index, whole }) =>
      devices.length > 0 ? [] : [`${index} does not answer: ${whole.lostReason ?? "unknown"}`],
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

function uuidOf({ whole }: CardSlot): string | undefined {
  return whole.device?.info.uuid;
}

function hasUuidOf(card: CardSlot): (other: CardSlot) => boolean {
  return (other) => uuidOf(other) === uuidOf(card);
}

/** Whether it is the same card in the same place, so that what is known of it holds. */
function isSameCard(known: CardSlot, opened: CardSlot): boolean {
  const [a, b] = [known.whole.device, opened.whole.device];
  return a !== undefined && b !== undefined && known.index === opened.index && a.isSame(b);
}
