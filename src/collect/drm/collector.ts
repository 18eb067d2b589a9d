import { AssayError } from "../../model/errors.ts";
import type { NodeObservation, Observation } from "../../model/observation.ts";
import type { ProcessSample } from "../../model/sample.ts";
import type { Collector, OpenResult } from "../contract.ts";
import { isAsleep, listCards } from "./cards.ts";
import { memoryOf, sightingsOf, usersOf, utilOfClients } from "./processes.ts";
import type { DrmSlot, SlotReading } from "./slot.ts";
import { DrmSlots } from "./slots.ts";
import { UserWatch, type NodeUsers } from "./users.ts";

export interface DrmSettings {
  node: string;
  intervalMs: number;
  /** Where sysfs is mounted: `/sys`, or another mount or a captured tree. */
  sysRoot: string;
  /** Where the host's processes are: `/proc`, or another mount or a captured tree. */
  procRoot: string;
}

export interface DrmDeps {
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
}

/** Why there is nothing to read. */
export const NO_CARD = "no card of the drivers amdgpu, i915 or xe";
const WHAT_LISTS_TAKE =
  "root or CAP_SYS_PTRACE, the host's process namespace and a kernel from 5.19 on";
const OF_CLIENTS = "/proc/PID/fdinfo of all processes";

/**
 * Reads AMD and Intel devices through the files of Linux, and who uses them through `/proc`. It changes
 * nothing, and leaves cards alone that are powered down.
 */
export function createDrmCollector(settings: DrmSettings, deps: DrmDeps): Collector {
  return new DrmCollector(settings, deps);
}

class DrmCollector implements Collector {
  readonly name = "drm";
  readonly #settings: DrmSettings;
  readonly #deps: DrmDeps;
  #slots: DrmSlots | undefined;
  #users: UserWatch | undefined;
  #announced: string | undefined;

  constructor(settings: DrmSettings, deps: DrmDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  async open(): Promise<OpenResult> {
    const { sysRoot, procRoot } = this.#settings;
    const cards = listCards(sysRoot);
    if (cards.length === 0) {
      return { status: "absent", reason: NO_CARD };
    }
    const slots = new DrmSlots(sysRoot, cards, this.#deps.monotonicMs());
    const users = new UserWatch(sysRoot, procRoot, this.#deps);
    users.begin(cards, new Set(cards.filter(isAsleep)));
    [this.#slots, this.#users] = [slots, users];
    return { status: "ready", detail: describe(slots, users) };
  }

  /** @throws AssayError `collect/no-gpu` when the last card has left the node */
  async collect(atMs: number): Promise<readonly Observation[]> {
    const [slots, users] = [this.#slots, this.#users];
    if (!slots || !users) throw new AssayError("collect/no-gpu", "the DRM collector is not open");
    const nowMs = this.#deps.monotonicMs();
    const farewells = slots.relist(atMs, nowMs);
    if (slots.all.length === 0) throw new AssayError("collect/no-gpu", "the last card has gone");
    const readings = slots.all.map((slot) => ({ slot, reading: slot.read(atMs, nowMs) }));
    const asleep = readings.filter(({ reading }) => reading.state === "asleep");
    const using = users.read(slots.cards, new Set(asleep.map(({ slot }) => slot.device.card)));
    const seen = readings.flatMap(({ slot, reading }) => observe(slot, reading, using, atMs));
    const node = this.#nodeIfChanged(slots, atMs);
    // What is said of a card that has left must come before the list that lacks it.
    return [...farewells, ...(node ? [node] : []), ...seen];
  }

  async close(): Promise<void> {
    this.#slots = undefined;
    this.#users = undefined;
    this.#announced = undefined;
  }

  #nodeIfChanged(slots: DrmSlots, atMs: number): NodeObservation | undefined {
    const gpus = slots.infos();
    const shape = JSON.stringify(gpus);
    if (shape === this.#announced) return undefined;
    this.#announced = shape;
    const { node, intervalMs } = this.#settings;
    const source = [...new Set(slots.cards.map(({ driver }) => driver))].sort().join("+");
    return { kind: "node", atMs, node, source, simulated: false, intervalMs, gpus };
  }
}

function describe(slots: DrmSlots, users: UserWatch): string {
  const cards = slots
    .infos()
    .map(({ index, model, driverVersion }) => [index, model, driverVersion ?? ""].join(" ").trim());
  const { obstacle } = users;
  const lists = obstacle === undefined ? [] : [`no process lists: ${obstacle}`, WHAT_LISTS_TAKE];
  return [...cards, ...lists].join("; ");
}

/** A card's own readings, with what only its users can tell of it. */
function observe(
  slot: DrmSlot,
  reading: SlotReading,
  using: NodeUsers,
  atMs: number,
): Observation[] {
  if (reading.state !== "awake") return [...reading.observations];
  const { device, index: gpu } = slot;
  const { driver, slot: address } = device.card;
  const sample = { ...reading.sample };
  // Less than all users would pass for all of the card's use, and an empty list for an unused card.
  if (!using.isComplete) return [...reading.before, sample];
  const users = usersOf(address, using.clients, using.kfd);
  if (driver !== "amdgpu") {
    const memUsedBytes = memoryOf(users.clients);
    const gpuUtil = using.isFresh ? utilOfClients(driver, users.clients) : undefined;
    if (memUsedBytes !== undefined) sample.memUsedBytes = memUsedBytes;
    if (gpuUtil !== undefined) sample.gpuUtil = gpuUtil;
    if (memUsedBytes !== undefined) device.noteMeasured("memUsedBytes", OF_CLIENTS);
    if (gpuUtil !== undefined) device.noteMeasured("gpuUtil", OF_CLIENTS);
  }
  const list = sightingsOf(users, using.kfd !== undefined);
  const processes: ProcessSample = { kind: "processes", atMs, gpu, list };
  return [...reading.before, sample, processes];
}
