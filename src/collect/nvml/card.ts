import type { Observation } from "../../model/observation.ts";
import type { BackoffSettings } from "../backoff.ts";
import { DeviceCalls } from "./device-calls.ts";
import { openDevice, type NvmlDevice } from "./device.ts";
import { readU32, SIZES } from "./layouts.ts";
import type { NvmlLibrary } from "./library.ts";
import {
  MigDevice,
  readIdentity,
  type MigCard,
  type MigIdentity,
  type OpenInstanceCounters,
} from "./mig-device.ts";
import { DeviceLostError } from "./results.ts";
import { DeviceSlot, type SlotDevice } from "./slot.ts";
import type { ToldTimes } from "./told-times.ts";

/** So often at most it is looked how a card is divided. */
const LOOK_EVERY_MS = 5000;
/** The indexes of a card's MIG devices are a hundred apart from the next card's. */
const MAX_PLACES = 100;
const MODE = "nvmlDeviceGetMigMode";
const PLACES = "nvmlDeviceGetMaxMigDeviceCount";
const ENABLED = 1;

export interface CardSettings {
  library: NvmlLibrary;
  index: number;
  driverVersion: string | undefined;
  backoff: BackoffSettings;
  told: ToldTimes;
  openCounters?: OpenInstanceCounters | undefined;
  /** Which of the driver's buffers are read: all by default. */
  signals?: readonly string[] | undefined;
}

interface Division {
  isMigOn: boolean;
  identities: readonly MigIdentity[];
}

/**
 * A card and how it is divided: it is one device, or each of its MIG devices is one and the card
 * itself is none, since its time would then count twice.
 */
export class CardSlot {
  readonly index: number;
  readonly whole: DeviceSlot<NvmlDevice>;
  readonly #settings: CardSettings;
  #parts: DeviceSlot<MigDevice>[] = [];
  #isMigOn: boolean | undefined;
  #lookAtMs = Number.NEGATIVE_INFINITY;

  constructor(settings: CardSettings) {
    const { library, index, driverVersion, backoff, told, signals } = settings;
    this.#settings = settings;
    this.index = index;
    this.whole = new DeviceSlot({
      backoff,
      told,
      reopen: () => openDevice(library, index, driverVersion, signals),
      isSame: (known: NvmlDevice, opened: NvmlDevice) => known.isSame(opened),
    });
  }

  /** Those that are devices of the node, in the order of their indexes. */
  get devices(): readonly SlotDevice[] {
    return this.#slots.flatMap((slot): SlotDevice[] => (slot.device ? [slot.device] : []));
  }

  get #slots(): readonly DeviceSlot<SlotDevice>[] {
    return this.#parts.length > 0 ? this.#parts : [this.whole];
  }

  /** @param nowMs monotonic */
  open(nowMs: number): void {
    this.whole.open(nowMs);
    this.#look(nowMs);
  }

  close(): void {
    for (const slot of [this.whole, ...this.#parts]) slot.close();
    this.#parts = [];
  }

  /** What NVML knows the card by, while it answers. */
  get handle(): bigint | undefined {
    return this.whole.lostReason === undefined ? this.whole.device?.handle : undefined;
  }

  /**
   * Readings and gaps of its devices; see {@link DeviceSlot.sample}.
   * @param xids driver errors by the handle of the card: they concern all of its parts
   */
  sample(
    atMs: number,
    nowMs: number,
    sinceMs: number,
    xids?: ReadonlyMap<bigint, readonly number[]>,
  ): Observation[] {
    const own = this.whole.device && xids?.get(this.whole.device.handle);
    // One that could not say who it was may be divided: it is looked at before it is read.
    if (!this.whole.device) this.whole.open(nowMs);
    this.#look(nowMs);
    return this.#slots.flatMap((slot) => slot.sample(atMs, nowMs, sinceMs, own));
  }

  /** Looks how the card is divided, if that is due. */
  #look(nowMs: number): void {
    if (nowMs < this.#lookAtMs) return;
    const isDivided = this.#parts.length > 0;
    // As one device it is tried again by being read; divided, nobody else would.
    if (isDivided && this.whole.lostReason !== undefined) this.whole.open(nowMs);
    const card = this.whole.device;
    if (!card || this.whole.lostReason !== undefined) return;
    this.#lookAtMs = nowMs + LOOK_EVERY_MS;
    const { library, openCounters } = this.#settings;
    const { handle, info } = card;
    const migCard: MigCard = { library, handle, info, openCounters };
    try {
      const division = readDivision(migCard);
      if (division) this.#divide(migCard, division, nowMs);
    } catch (error) {
      if (isDivided) this.whole.markLost(error, nowMs);
      else if (!(error instanceof DeviceLostError)) throw error;
    }
  }

  #divide(card: MigCard, { isMigOn, identities }: Division, nowMs: number): void {
    const wasDivided = this.#parts.length > 0;
    const wasMigOn = this.#isMigOn ?? isMigOn;
    const before = new Map(this.#parts.map((slot) => [slot.device?.identity.uuid, slot]));
    this.#parts = identities.map((identity) => {
      const isAlone = identities.every(
        (other) => other === identity || other.gpuInstanceId !== identity.gpuInstanceId,
      );
      const known = before.get(identity.uuid);
      if (!known?.device || !isSamePart(known.device, identity, card, isAlone)) {
        return this.#partSlot(card, identity, isAlone);
      }
      before.delete(identity.uuid);
      known.retryAtOnce();
      return known;
    });
    for (const slot of before.values()) slot.close();
    this.#isMigOn = isMigOn;
    // What a card does not support as a whole depends on the mode.
    const isWhole = this.#parts.length === 0;
    if (isWhole && (wasDivided || wasMigOn !== isMigOn)) this.whole.renew(nowMs);
  }

  #partSlot(card: MigCard, identity: MigIdentity, isAlone: boolean): DeviceSlot<MigDevice> {
    const { backoff, told } = this.#settings;
    const reopen = (): MigDevice => {
      const found = readIdentity(card, identity.place);
      if (found === "nobody") throw new DeviceLostError("the MIG device is gone");
      if (found === "unclear") throw new DeviceLostError("the MIG device does not answer");
      return new MigDevice(card, found, isAlone);
    };
    const isSame = (known: MigDevice, opened: MigDevice): boolean =>
      sameIdentity(known.identity, opened.identity);
    const settings = { backoff, told, reopen, isSame };
    return new DeviceSlot(settings, new MigDevice(card, identity, isAlone));
  }
}

/**
 * How a card is divided now; undefined where it does not tell this time.
 * @throws DeviceLostError where it, or one of its MIG devices, does not answer
 */
function readDivision(card: MigCard): Division | undefined {
  // Asked afresh each time: what is not supported now may be once the mode has changed.
  const calls = new DeviceCalls(card.library, card.handle);
  const current = new Uint8Array(SIZES.u32);
  const pending = new Uint8Array(SIZES.u32);
  const mode = calls.read(MODE, pending, () => readU32(current), { before: [current] });
  if (mode === undefined && calls.isSupported(MODE)) return undefined;
  if (mode !== ENABLED) return { isMigOn: false, identities: [] };
  const count = calls.read(PLACES, new Uint8Array(SIZES.u32), readU32);
  if (count === undefined) return undefined;
  const places = Array.from({ length: Math.min(count, MAX_PLACES) }, (_, place) => place);
  const found = places.map((place) => readIdentity(card, place));
  const identities = found.filter((identity) => typeof identity !== "string");
  const uuids = new Set(identities.map(({ uuid }) => uuid));
  // Two of one UUID: it was just being divided anew, and soon it will be clear.
  if (found.includes("unclear") || uuids.size < identities.length) return undefined;
  return { isMigOn: true, identities };
}

function isSamePart(
  device: MigDevice,
  identity: MigIdentity,
  card: MigCard,
  isAlone: boolean,
): boolean {
  const isOfCard = device.info.parentUuid === card.info.uuid;
  return isOfCard && device.isAlone === isAlone && sameIdentity(device.identity, identity);
}

function sameIdentity(a: MigIdentity, b: MigIdentity): boolean {
  return (
    a.uuid === b.uuid &&
    a.place === b.place &&
    a.handle === b.handle &&
    a.gpuInstanceId === b.gpuInstanceId &&
    a.computeInstanceId === b.computeInstanceId &&
    a.cardHandle === b.cardHandle
  );
}
